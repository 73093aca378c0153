/** crates.io: semver 2. Cargo lets build metadata break ties, the advisories do not: it is ignored. https://doc.rust-lang.org/cargo/reference/semver.html */
import { semanticOrder } from './semver.ts';

export const cratesOrder = semanticOrder((version) => version.replace(/^[vV]/, ''));
