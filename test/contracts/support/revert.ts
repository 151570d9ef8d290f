// Expecting a contract to refuse, by the name of its custom error and by the values that error carries.
import { BaseError, ContractFunctionRevertedError } from "viem";
import { expect } from "vitest";

/** Expects that the call reverts with the custom error `name`, and with exactly `args` where they are given. */
export async function expectRevert(call: Promise<unknown>, name: string, args?: readonly unknown[]): Promise<void> {
  const refusal = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(refusal, `expected ${name}, and the call succeeded`).toBeInstanceOf(BaseError);
  const cause = (refusal as BaseError).walk((error) => error instanceof ContractFunctionRevertedError);
  expect(cause, String(refusal)).toBeInstanceOf(ContractFunctionRevertedError);
  const { data } = cause as ContractFunctionRevertedError;
  expect(data?.errorName).toBe(name);
  if (args !== undefined) expect(data?.args).toEqual(args);
}
