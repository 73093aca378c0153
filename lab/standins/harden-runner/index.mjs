// Stand-in for step-security/harden-runner: the lab's machine is the user's own, its network is not touched.
import { input, main } from '../kit/io.mjs';

await main(async () => {
  const policy = input('egress-policy') || 'block';
  if (!['audit', 'block'].includes(policy)) throw new Error(`egress-policy: "${policy}" is not audit or block`);
  console.log(`lab: egress-policy ${policy} is not simulated`);
});
