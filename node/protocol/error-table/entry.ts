// The shape of a row of the error table.

/** One row of the error table. `retry` says whether the same request may succeed later without being changed. */
export type ErrorEntry = {
  readonly status: number;
  readonly retry: boolean;
  readonly meaning: string;
  readonly remedy: string;
};

/** Makes a row of the error table. */
export const entry = (status: number, retry: boolean, meaning: string, remedy: string): ErrorEntry => ({
  status,
  retry,
  meaning,
  remedy,
});
