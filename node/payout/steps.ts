// The signer's steps in the order they depend on each other; each is safe to run at any time and again.
import { authorizePayouts } from "./authorize.ts";
import type { PayoutDeps } from "./deps.ts";
import { reconcilePayouts } from "./reconcile.ts";
import { sendPayouts, trackPayouts } from "./send.ts";

/** A step: `run` answers how many items it took. */
export type Step = { readonly name: string; readonly run: () => Promise<number> };

/** Sent transactions are looked after before anything new is sent (PAYO-06). */
export function payoutSteps(deps: PayoutDeps): readonly Step[] {
  return [
    { name: "payout.reconcile", run: () => reconcilePayouts(deps) },
    { name: "payout.track", run: () => trackPayouts(deps) },
    { name: "payout.authorize", run: () => authorizePayouts(deps) },
    { name: "payout.send", run: () => sendPayouts(deps) },
  ];
}
