/** The change that the demo pushes: a better version, or one with a fault. */
import { type DemoOptions, FAULTS, type RedGate } from './options.ts';

export interface Change {
  title: string;
  edits: Readonly<Record<string, (text: string) => string>>;
}

/** Each turns one part of the gate red, in the way it happens to people. */
const RED: Readonly<Record<RedGate, Change>> = {
  lint: {
    title: 'Import what nobody needs',
    edits: { 'k8s_histogram_eq/codec.py': (text) => `import os\n${text}` },
  },
  test: {
    title: 'Expect what is not so',
    edits: { 'tests/test_codec.py': (text) => `${text}\n\ndef test_red():\n    assert False\n` },
  },
  deps: {
    title: 'Go back to a release with an advisory',
    edits: { 'requirements.txt': (text) => text.replace(/^aiohttp==\S+/m, 'aiohttp==3.9.0') },
  },
};

export function changeFor({ fault, redGate }: Pick<DemoOptions, 'fault' | 'redGate'>): Change {
  if (redGate !== undefined) return RED[redGate];
  const version = (text: string): string => `${text.trimEnd()}\n\n__version__ = '1.1.0'\n`;
  const edits = { 'k8s_histogram_eq/__init__.py': version };
  if (fault === undefined) return { title: 'Say which release this is', edits };
  const switches = Object.entries(FAULTS[fault]);
  return {
    title: `Ship the fault ${fault}`,
    edits: {
      ...edits,
      Dockerfile: (text) => switches.reduce((t, [name, value]) => t.replace(`${name}=""`, `${name}="${value}"`), text),
    },
  };
}
