/** Names of Applications, in the forms that Argo CD's own tools write. */

export interface ApplicationName {
  name: string;
  /** Namespace of the Application object, for "applications in any namespace"; '' is that of Argo CD itself. */
  namespace: string;
  /** With a project Argo CD tells a missing application (404) from a forbidden one (403); '' leaves it open. */
  project: string;
}

const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Reads `name`, `namespace/name` (as the argocd command line writes it) or `project/namespace/name` (as the RBAC rules do).
 * @returns undefined when the text is none of them
 */
export function parseApplicationName(text: string): ApplicationName | undefined {
  const parts = text.split('/');
  if (parts.length > 3) return undefined;
  const [name = '', namespace = '', project = ''] = parts.reverse();
  if (!NAME.test(name)) return undefined;
  if (parts.length > 1 && !NAMESPACE.test(namespace)) return undefined;
  if (parts.length > 2 && !NAME.test(project)) return undefined;
  return { name, namespace, project };
}

export function formatApplicationName({ name, namespace, project }: ApplicationName): string {
  return [project, namespace, name].filter((part) => part !== '').join('/');
}
