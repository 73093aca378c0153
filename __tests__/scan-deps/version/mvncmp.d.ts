declare module 'mvncmp' {
  /** Maven's ComparableVersion; a version that it cannot read throws. */
  export function compare(a: string, b: string): number;
}
