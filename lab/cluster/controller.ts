/**
 * The reconcile loop: desired objects in, pods and routes out. Waves as Argo CD applies them: objects of the next wave only
 * when those before are healthy, and what is no longer wanted goes last (PruneLast).
 */
import { randomInt } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import type { Deployment, Objects, Route, Service } from './objects.ts';
import { Pod, type PodContext } from './pod.ts';
import { isSettled, planDeployment } from './reconcile.ts';

export type Health = 'Healthy' | 'Progressing' | 'Degraded';

export class Controller {
  readonly pods: Pod[] = [];
  /** Routes and services in force. */
  routes: readonly Route[] = [];
  services: readonly Service[] = [];
  /** True when everything wanted is in force and everything else is gone. */
  settled = true;
  readonly #context: Omit<PodContext, 'changed' | 'configMaps'>;
  #wanted: Objects | undefined;
  #deployments = new Map<string, Deployment>();
  #configMaps: PodContext['configMaps'] = new Map();
  #scheduled = false;
  #closed = false;
  #serial = 0;
  // 127/8 is all loopback on Linux: an address for each pod, so that every one keeps the chart's own ports. The network is
  // drawn, so that two clusters on one machine do not meet.
  readonly #network = `127.${randomInt(64, 128)}.${randomInt(0, 256)}`;
  readonly #onChange: () => void;

  constructor(context: Omit<PodContext, 'changed' | 'configMaps'>, onChange: () => void) {
    this.#context = context;
    this.#onChange = onChange;
  }

  /** Takes new desired objects; they are reached step by step. */
  apply(objects: Objects): void {
    this.#wanted = objects;
    this.#configMaps = objects.configMaps;
    // Services first and together: an unknown name must resolve before a pod asks for it.
    this.services = [
      ...objects.services,
      ...this.services.filter((old) => !objects.services.some((s) => s.name === old.name)),
    ];
    for (const deployment of objects.deployments) this.#deployments.set(deployment.name, deployment);
    this.#tick();
  }

  /**
   * Changes a Deployment in force behind Git's back, as somebody with kubectl would; its pods follow. It stays so until the
   * objects are applied again.
   * @throws Error when there is no such Deployment
   */
  tamper(name: string, change: (live: Deployment) => Deployment): void {
    const live = this.#deployments.get(name);
    if (live === undefined || !this.#wanted?.deployments.some((d) => d.name === name))
      throw new Error(`there is no Deployment ${name}`);
    this.#deployments.set(name, change(live));
    this.#tick();
  }

  /** Names of the Deployments that are not in force as Git has them. */
  drifted(): string[] {
    return (this.#wanted?.deployments ?? []).filter((d) => this.#deployments.get(d.name) !== d).map((d) => d.name);
  }

  endpoints(name: string): { ip: string; port: number }[] {
    const service = this.services.find((s) => s.name === name);
    if (service === undefined) return [];
    return this.#select(service)
      .filter((pod) => pod.ready)
      .map((pod) => ({ ip: pod.ip, port: pod.port(service.ports[0]?.targetPort) }));
  }

  health(): Health {
    if (this.pods.some((pod) => pod.state === 'CrashLoopBackOff' || pod.state === 'ImagePullBackOff'))
      return 'Degraded';
    return this.settled ? 'Healthy' : 'Progressing';
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(
      this.pods.map((pod) => {
        pod.kill('SIGTERM');
        return pod.stop();
      }),
    );
  }

  #select(service: Service): Pod[] {
    return this.pods.filter(
      (pod) => !pod.stopping && Object.entries(service.selector).every(([key, value]) => pod.labels[key] === value),
    );
  }

  // Changes come in bursts; one pass after them sees them all.
  readonly #changed = (): void => {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setTimeout(() => {
      this.#scheduled = false;
      this.#tick();
    }, 10);
  };

  #tick(): void {
    const wanted = this.#wanted;
    if (wanted === undefined || this.#closed) return;
    const live = wanted.deployments.map((d) => this.#deployments.get(d.name) ?? d);
    for (const deployment of live) this.#step(deployment.name, deployment);
    const healthy = live.every((d) => isSettled(d, this.#podsOf(d.name)));
    // A route of a later wave waits for the pods it leads to; a route that is new altogether has nothing to wait with.
    if (healthy || wanted.routes.every((route) => route.wave <= 0)) {
      this.routes = wanted.routes;
      this.#prune(wanted);
    }
    // A pod that is leaving has no traffic any more: its deletion is done as far as Argo CD can see.
    const leftover = this.pods.some(
      (pod) => !pod.stopping && !wanted.deployments.some((d) => d.name === pod.deployment),
    );
    this.settled = healthy && !leftover && this.routes === wanted.routes;
    this.#writeHosts();
    this.#onChange();
  }

  #prune(wanted: Objects): void {
    for (const name of [...this.#deployments.keys()]) {
      if (wanted.deployments.some((d) => d.name === name)) continue;
      this.#step(name, undefined);
      if (this.#podsOf(name).length === 0) this.#deployments.delete(name);
    }
    this.services = wanted.services;
  }

  #podsOf(name: string): Pod[] {
    return this.pods.filter((pod) => pod.deployment === name);
  }

  #step(name: string, deployment: Deployment | undefined): void {
    const plan = planDeployment(deployment, this.#podsOf(name));
    for (const id of plan.stop) this.#stop(id);
    for (let i = 0; i < plan.start && deployment !== undefined; i += 1) this.#start(deployment);
  }

  #start(deployment: Deployment): void {
    this.#serial += 1;
    const n = this.#serial;
    const ip = `${this.#network}.${1 + ((n - 1) % 254)}`;
    const context = { ...this.#context, configMaps: this.#configMaps, changed: this.#changed };
    this.pods.push(new Pod(`${deployment.name}-${deployment.hash}-${n}`, ip, deployment, context));
    this.#changed();
  }

  #stop(id: string): void {
    const pod = this.pods.find((p) => p.name === id);
    if (pod === undefined) return;
    void pod.stop().then(() => {
      this.pods.splice(this.pods.indexOf(pod), 1);
      this.#changed();
    });
  }

  // There is no cluster DNS; the pods' /etc/hosts is this file, rewritten in place so that bind mounts keep seeing it.
  // New text first, then the cut: a reader never meets an empty file.
  #writeHosts(): void {
    if (this.#closed) return;
    const lines = ['127.0.0.1 localhost'];
    for (const service of this.services) {
      for (const pod of this.#select(service).filter((p) => p.ready)) lines.push(`${pod.ip} ${service.name}`);
    }
    const text = Buffer.from(`${lines.join('\n')}\n`);
    const file = openSync(this.#context.hosts, 'r+');
    try {
      writeSync(file, text, 0, text.length, 0);
      ftruncateSync(file, text.length);
    } finally {
      closeSync(file);
    }
  }
}
