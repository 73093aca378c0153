/** What an answer of Argo CD that is none means, in words of the inputs that lead to it. */
import { ActionError } from '../runner/index.ts';
import { type ApplicationName, formatApplicationName } from './name.ts';

/** Names of the inputs that a message tells to look at. */
export interface InputNames {
  server: string;
  application: string;
  token: string;
}

export interface Refusals {
  redirect(status: number, location: string): ActionError;
  /** 401 and 403. */
  refused(application: ApplicationName, status: number, said: string): ActionError;
  missing(application: ApplicationName, said: string): ActionError;
  unreadable(why: string, cause?: unknown): ActionError;
}

/** @param where host of the server */
export function refusalsOf(where: string, inputs: InputNames): Refusals {
  return {
    redirect(status, location) {
      return new ActionError('E_REDIRECT', {
        what: `Argo CD at ${where}`,
        why: `it answered ${status} and points to ${location}; a token is not sent after a redirect`,
        fix: `Set ${inputs.server} to the address that answers itself`,
      });
    },
    refused(application, status, said) {
      const { project, namespace, name } = application;
      const object = `${project || '<project>'}/${namespace === '' ? '' : `${namespace}/`}${name}`;
      const doubt =
        project === ''
          ? 'the token may not read it, or there is no such application: Argo CD answers both alike'
          : `the token may not read it, or it belongs to another project than ${project}`;
      return new ActionError('E_PERMISSION_MISSING', {
        what: `Argo CD at ${where}, application ${formatApplicationName(application)}`,
        why:
          status === 401
            ? `it takes the token for none of its own (401${said && `: ${said}`})`
            : `${doubt} (403${said && `: ${said}`})`,
        fix:
          status === 401
            ? `Make a new token and set ${inputs.token}`
            : `Check the name, and give the role of the token "p, <role>, applications, get, ${object}, allow"`,
      });
    },
    missing(application, said) {
      return new ActionError('E_ARGOCD_MISSING', {
        what: `Argo CD at ${where}, application ${formatApplicationName(application)}`,
        why: `there is none of this name (404${said && `: ${said}`})`,
        fix: `Check ${inputs.application} and the path of ${inputs.server}`,
      });
    },
    unreadable(why, cause) {
      return new ActionError('E_ARGOCD_UNREADABLE', {
        what: `Argo CD at ${where}`,
        why,
        fix: `Check ${inputs.server}: it is the address of the API and of the web page of Argo CD`,
        ...(cause === undefined ? {} : { cause }),
      });
    },
  };
}
