/** The version order of each ecosystem. */
import type { Ecosystem } from '../types.ts';
import { cratesOrder } from './crates.ts';
import { goOrder } from './go.ts';
import { mavenOrder } from './maven.ts';
import { npmOrder } from './npm.ts';
import { nugetOrder } from './nuget.ts';
import type { Order } from './order.ts';
import { packagistOrder } from './packagist.ts';
import { pypiOrder } from './pypi.ts';
import { rubygemsOrder } from './rubygems.ts';

export { judged, type Order, type Sign } from './order.ts';

const ORDERS: Readonly<Record<Ecosystem, Order>> = {
  PyPI: pypiOrder as Order,
  npm: npmOrder as Order,
  Go: goOrder as Order,
  'crates.io': cratesOrder as Order,
  RubyGems: rubygemsOrder as Order,
  Packagist: packagistOrder as Order,
  Maven: mavenOrder as Order,
  NuGet: nugetOrder as Order,
};

/** The order that this ecosystem's own tools use. */
export function orderOf(eco: Ecosystem): Order {
  return ORDERS[eco];
}
