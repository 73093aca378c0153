/** The version order of each ecosystem. */
import type { Ecosystem } from '../types.ts';
import { npmOrder } from './npm.ts';
import type { Order } from './order.ts';
import { pypiOrder } from './pypi.ts';

export type { Order, Sign } from './order.ts';

const ORDERS: Readonly<Record<Ecosystem, Order>> = { PyPI: pypiOrder as Order, npm: npmOrder as Order };

/** The order that this ecosystem's own tools use. */
export function orderOf(eco: Ecosystem): Order {
  return ORDERS[eco];
}
