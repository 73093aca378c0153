/** One pod: its process, probes and restarts. */
import type { ChildProcess } from 'node:child_process';
import { request } from 'node:http';
import type { ImageStore, NodeImage } from './images.ts';
import type { Container, Deployment, Probe } from './objects.ts';
import { type RunMode, signalPod, startProcess } from './process.ts';

export type PodState = 'Pending' | 'ImagePullBackOff' | 'Running' | 'CrashLoopBackOff' | 'Terminating';

export interface PodContext {
  images: ImageStore;
  mode: RunMode;
  hosts: string;
  configMaps: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Called after every change of state or readiness. */
  changed(): void;
  log(pod: string, line: string): void;
}

/** How often an unready pod is asked: the chart's seconds are for a real cluster. */
const PROBE_MS = 150;
const CRASHES_UNTIL_BACKOFF = 3;
const MAX_BACKOFF_MS = 10_000;

export class Pod {
  readonly name: string;
  readonly ip: string;
  readonly deployment: string;
  readonly hash: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly image: string;
  state: PodState = 'Pending';
  ready = false;
  restarts = 0;
  /** Digest of the image that runs, '' before it does. */
  imageId = '';
  message = '';
  readonly #container: Container;
  readonly #spec: Deployment['template']['spec'];
  readonly #context: PodContext;
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #stopped: Promise<void> | undefined;

  constructor(name: string, ip: string, wanted: Deployment, context: PodContext) {
    const { metadata, spec } = wanted.template;
    this.name = name;
    this.ip = ip;
    this.deployment = wanted.name;
    this.hash = wanted.hash;
    this.labels = metadata.labels;
    this.annotations = metadata.annotations;
    this.#spec = spec;
    this.#container = spec.containers[0] as Container;
    this.image = this.#container.image;
    this.#context = context;
    void this.#start();
  }

  get id(): string {
    return this.name;
  }

  get stopping(): boolean {
    return this.state === 'Terminating';
  }

  /** Of the first port, or of a port by its name. */
  port(name: number | string | undefined = undefined): number {
    if (typeof name === 'number') return name;
    const ports = this.#container.ports;
    return (name === undefined ? ports[0] : ports.find((p) => p.name === name))?.containerPort ?? 0;
  }

  get url(): string {
    return `http://${this.ip}:${this.port()}`;
  }

  /** No longer an endpoint; preStop, SIGTERM, grace, SIGKILL. Resolves when the process is gone. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Changes the running pod behind everybody's back. */
  kill(signal: NodeJS.Signals): void {
    if (this.#child !== undefined) signalPod(this.#child, signal);
  }

  async #start(): Promise<void> {
    let image: NodeImage;
    try {
      image = await this.#context.images.get(this.image);
    } catch (error) {
      this.state = this.stopping ? 'Terminating' : 'ImagePullBackOff';
      this.message = (error as Error).message;
      this.#context.changed();
      if (!this.stopping) this.#timer = setTimeout(() => void this.#start(), 2000);
      return;
    }
    if (this.stopping) return;
    this.imageId = image.digest;
    const [uid = 65532, gid = 65532] = image.user.split(':').map((id) => (/^\d+$/.test(id) ? Number(id) : 65532));
    const child = startProcess({
      mode: this.#context.mode,
      image,
      argv: [
        ...(this.#container.command ?? image.entrypoint),
        ...(this.#container.args ?? (this.#container.command ? [] : image.cmd)),
      ],
      env: this.#environment(image),
      uid: this.#spec.securityContext?.runAsUser ?? uid,
      gid: this.#spec.securityContext?.runAsGroup ?? gid,
      hosts: this.#context.hosts,
      onLine: (line) => this.#context.log(this.name, line),
    });
    this.#child = child;
    this.state = 'Running';
    this.#failures = 0;
    child.on('error', (error) => this.#ended(`cannot start: ${error.message}`));
    child.on('exit', (code, signal) => this.#ended(`ended with ${signal ?? code}`));
    this.#context.changed();
    this.#watch();
  }

  #environment(image: NodeImage): Record<string, string> {
    const env: Record<string, string> = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/tmp' };
    for (const line of image.env) env[line.slice(0, line.indexOf('='))] = line.slice(line.indexOf('=') + 1);
    for (const source of this.#container.envFrom)
      Object.assign(env, this.#context.configMaps.get(source.configMapRef?.name ?? ''));
    const fields: Record<string, string> = { 'status.podIP': this.ip, 'metadata.name': this.name };
    for (const { name, value, valueFrom } of this.#container.env)
      env[name] = fields[valueFrom?.fieldRef?.fieldPath ?? ''] ?? value;
    // Every pod has an address of its own on loopback, and its process must keep to it.
    env.HOST = this.ip;
    return env;
  }

  #ended(message: string): void {
    this.#child = undefined;
    this.ready = false;
    clearTimeout(this.#timer);
    if (this.stopping) return;
    this.restarts += 1;
    this.message = message;
    const delay = Math.min(MAX_BACKOFF_MS, 500 * 2 ** (this.restarts - 1));
    this.state = this.restarts >= CRASHES_UNTIL_BACKOFF ? 'CrashLoopBackOff' : 'Pending';
    this.#context.changed();
    this.#timer = setTimeout(() => void this.#start(), delay);
  }

  #watch(): void {
    const probe = this.#container.readinessProbe;
    const tick = async (): Promise<void> => {
      if (this.#child === undefined || this.stopping) return;
      const good = probe === undefined || (await this.#ask(probe));
      if (this.#child === undefined || this.stopping) return;
      this.#failures = good ? 0 : this.#failures + 1;
      // A blip of a ready pod is forgiven, as failureThreshold says; an unready one is ready at its first good answer.
      const ready = good || (this.ready && this.#failures < (probe?.failureThreshold ?? 1));
      if (ready !== this.ready) {
        this.ready = ready;
        this.#context.changed();
      }
      this.#timer = setTimeout(
        () => void tick(),
        ready ? Math.min(1000, (probe?.periodSeconds ?? 1) * 1000) : PROBE_MS,
      );
    };
    void tick();
  }

  #ask(probe: Probe): Promise<boolean> {
    return new Promise((resolve) => {
      const port = this.port(probe.httpGet.port);
      const req = request(
        { host: this.ip, port, path: probe.httpGet.path, timeout: probe.timeoutSeconds * 1000, agent: false },
        (res) => {
          res.resume();
          resolve((res.statusCode ?? 500) < 400);
        },
      );
      req.on('timeout', () => req.destroy());
      req.on('error', () => resolve(false));
      req.end();
    });
  }

  async #stop(): Promise<void> {
    this.state = 'Terminating';
    this.ready = false;
    clearTimeout(this.#timer);
    this.#context.changed();
    const child = this.#child;
    if (child === undefined) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const wait = (seconds: number): Promise<void> =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, seconds * 1000);
        void gone.then(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    await wait(this.#container.lifecycle?.preStop?.sleep?.seconds ?? 0);
    signalPod(child, 'SIGTERM');
    await wait(Math.min(10, this.#spec.terminationGracePeriodSeconds));
    if (this.#child !== undefined) signalPod(child, 'SIGKILL');
    await gone;
  }
}
