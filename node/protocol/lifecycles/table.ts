// The shape of a lifecycle: states, and the moves that are allowed between them.

/** One allowed move. `by` is the part that causes it; `why` says when. */
export type Transition<State extends string> = {
  readonly from: State;
  readonly to: State;
  readonly by: string;
  readonly why: string;
};

/** A lifecycle: every state with a sentence, the state it begins in, and every allowed move. */
export type Lifecycle<State extends string = string> = {
  readonly name: string;
  readonly states: Readonly<Record<State, string>>;
  readonly initial: State;
  readonly transitions: readonly Transition<State>[];
};

/** Writes down an allowed move. */
export const move = <S extends string>(from: S, to: S, by: string, why: string): Transition<S> => ({
  from,
  to,
  by,
  why,
});
