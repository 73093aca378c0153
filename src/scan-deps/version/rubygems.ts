/**
 * RubyGems: Gem::Version. Numbers and words alternate, a word anywhere makes a pre-release and sorts below any number,
 * zeros at the end of the numbers and of the whole do not count. https://docs.ruby-lang.org/en/master/Gem/Version.html
 */
import { compareWords, MAX_VERSION, type Order, sign } from './order.ts';

type Segment = bigint | string;

// Looser than Gem::Version: "1beta" is met in advisories.
const VERSION = /^\d[0-9A-Za-z]*(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

// A lock names the platform behind the version: 1.13.0-x86_64-linux-musl, 9.4-java. It says nothing about the order.
const CPU = '(?:x86|x64|x86_64|i[3-6]86|amd64|aarch64|arm64|arm|armv\\w+|universal|powerpc\\w*|ppc\\w*|s390x|riscv64)';
const SYSTEM = '(?:linux|darwin|macos|mswin|mingw|cygwin|freebsd|openbsd|netbsd|solaris|aix|android|wasi)\\w*';
const PLATFORM = new RegExp(
  `-(?:java|jruby|dalvik|dotnet|(?:${CPU}-)?${SYSTEM}(?:-[\\w.-]+)?|${CPU}-(?:java|unknown))$`,
);

export const rubygemsOrder: Order<readonly Segment[]> = {
  parse(version) {
    const text = version.trim();
    if (text.length > MAX_VERSION) return undefined;
    const plain = text.replace(PLATFORM, '');
    return VERSION.test(plain) ? canonical(plain.replaceAll('-', '.pre.')) : undefined;
  },
  compare(a, b) {
    for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
      const x = a[i] ?? 0n;
      const y = b[i] ?? 0n;
      if (typeof x !== typeof y) return typeof x === 'string' ? -1 : 1;
      const order = typeof x === 'string' || typeof y === 'string' ? compareWords(String(x), String(y)) : sign(x - y);
      if (order !== 0) return order;
    }
    return 0;
  },
};

/** Gem::Version#canonical_segments: the zeros before the first word go too, so that 1.0.a is 1.a. */
function canonical(text: string): Segment[] {
  const segments = (text.match(/\d+|[A-Za-z]+/g) ?? []).map((part) => (/^\d/.test(part) ? BigInt(part) : part));
  const word = segments.findIndex((segment) => typeof segment === 'string');
  const numbers = word < 0 ? segments : segments.slice(0, word);
  return [...withoutZeros(numbers), ...withoutZeros(word < 0 ? [] : segments.slice(word))];
}

function withoutZeros(segments: readonly Segment[]): Segment[] {
  return segments.slice(0, segments.findLastIndex((segment) => segment !== 0n) + 1);
}
