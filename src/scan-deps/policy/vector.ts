/** CVSS vectors: accepted only when every base metric stands there exactly once with a legal value. A lenient parser gives 0, and 0 passes every gate. */

export type CvssVersion = '2.0' | '3.0' | '3.1' | '4.0';
export interface Vector {
  version: CvssVersion;
  metrics: Map<string, string>;
}

type Metrics = Readonly<Record<string, string>>;

// One letter a value; values of several letters are separated by blanks.
const V2_BASE: Metrics = { AV: 'L A N', AC: 'H M L', Au: 'M S N', C: 'N P C', I: 'N P C', A: 'N P C' };
const V2_MORE: Metrics = {
  E: 'U POC F H ND',
  RL: 'OF TF W U ND',
  RC: 'UC UR C ND',
  CDP: 'N L LM MH H ND',
  TD: 'N L M H ND',
  CR: 'L M H ND',
  IR: 'L M H ND',
  AR: 'L M H ND',
};
const V3_BASE: Metrics = {
  AV: 'N A L P',
  AC: 'L H',
  PR: 'N L H',
  UI: 'N R',
  S: 'U C',
  C: 'N L H',
  I: 'N L H',
  A: 'N L H',
};
const V3_MORE: Metrics = {
  E: 'X U P F H',
  RL: 'X O T W U',
  RC: 'X U R C',
  CR: 'X L M H',
  IR: 'X L M H',
  AR: 'X L M H',
  MAV: 'X N A L P',
  MAC: 'X L H',
  MPR: 'X N L H',
  MUI: 'X N R',
  MS: 'X U C',
  MC: 'X N L H',
  MI: 'X N L H',
  MA: 'X N L H',
};
const V4_BASE: Metrics = {
  AV: 'N A L P',
  AC: 'L H',
  AT: 'N P',
  PR: 'N L H',
  UI: 'N P A',
  VC: 'H L N',
  VI: 'H L N',
  VA: 'H L N',
  SC: 'H L N',
  SI: 'H L N',
  SA: 'H L N',
};
const V4_MORE: Metrics = {
  E: 'X A P U',
  CR: 'X H M L',
  IR: 'X H M L',
  AR: 'X H M L',
  MAV: 'X N A L P',
  MAC: 'X L H',
  MAT: 'X N P',
  MPR: 'X N L H',
  MUI: 'X N P A',
  MVC: 'X H L N',
  MVI: 'X H L N',
  MVA: 'X H L N',
  MSC: 'X H L N',
  MSI: 'X S H L N',
  MSA: 'X S H L N',
  S: 'X N P',
  AU: 'X N Y',
  R: 'X A U I',
  V: 'X D C',
  RE: 'X L M H',
  U: 'X Clear Green Amber Red',
};

const FORMS: Readonly<Record<CvssVersion, { base: Metrics; more: Metrics }>> = {
  '2.0': { base: V2_BASE, more: V2_MORE },
  '3.0': { base: V3_BASE, more: V3_MORE },
  '3.1': { base: V3_BASE, more: V3_MORE },
  '4.0': { base: V4_BASE, more: V4_MORE },
};

const MAX_LENGTH = 500;

/** @returns undefined for everything that is not exactly a vector */
export function readVector(text: string): Vector | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const prefix = /^CVSS:(3\.0|3\.1|4\.0)\//.exec(text);
  const version = (prefix?.[1] ?? '2.0') as CvssVersion;
  const body = prefix === null ? text.replace(/^\((.*)\)$/, '$1') : text.slice(prefix[0].length);
  const { base, more } = FORMS[version];
  const metrics = new Map<string, string>();
  for (const part of body.split('/')) {
    const [name = '', value = '', ...rest] = part.split(':');
    const legal = Object.hasOwn(base, name) ? base[name] : Object.hasOwn(more, name) ? more[name] : undefined;
    if (legal === undefined || rest.length > 0 || !legal.split(' ').includes(value) || metrics.has(name))
      return undefined;
    metrics.set(name, value);
  }
  return Object.keys(base).every((name) => metrics.has(name)) ? { version, metrics } : undefined;
}
