/** Numbers for people. */

/** Three significant digits, no exponent for everyday sizes. */
export function short(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return 'unknown';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e7) return value.toExponential(1);
  return String(Number(value.toPrecision(size >= 100 ? Math.ceil(Math.log10(size + 1)) : 3)));
}

export function percent(share: number | null): string {
  return share === null ? 'unknown' : `${share === 0 ? '0' : String(Number((share * 100).toPrecision(2)))} %`;
}

/** Always so many decimals, and never -0.0. */
export function fixed(value: number, decimals: number): string {
  return (Number(value.toFixed(decimals)) + 0).toFixed(decimals);
}

/** `45 s`, `6 min`, `2 h 10 min`. */
export function span(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `mm:ss`. */
export function stopwatch(seconds: number): string {
  const two = (n: number): string => String(Math.floor(n)).padStart(2, '0');
  return `${two(seconds / 60)}:${two(seconds % 60)}`;
}

export function interval(low: number | null, high: number | null): string {
  return `${short(low)}-${high === null ? 'unbounded' : short(high)}`;
}
