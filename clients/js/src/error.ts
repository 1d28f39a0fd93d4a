import type { components } from './openapi.js';

type Problem = components['schemas']['Problem'];

/** The closed list of docs/errors.md. */
export type ErrorCode = Problem['code'];

/** Why a call was refused or failed. Switch on `code`. */
export class AuthError extends Error {
  override readonly name = 'AuthError';
  readonly code: ErrorCode;
  /** The HTTP status; 0 if no answer came. */
  readonly status: number;
  readonly requestId: string | undefined;
  /** Seconds, if waiting helps. */
  readonly retryAfter: number | undefined;
  /** With invalid-input: the wrong argument. */
  readonly field: string | undefined;
  /** With second-factor-required: send it with the proof. */
  readonly challenge: string | undefined;
  /** With second-factor-required and elevation-required: the ways to prove who you are. */
  readonly methods: Problem['methods'];
  /** With second-factor-required, if a passkey is among the methods. */
  readonly passkeyOptions: Problem['passkeyOptions'];

  constructor(problem: Partial<Problem> & Pick<Problem, 'code' | 'title'>, cause?: unknown) {
    super(problem.title, { cause });
    this.code = problem.code;
    this.status = problem.status ?? 0;
    this.requestId = problem.requestId;
    this.retryAfter = problem.retryAfter;
    this.field = problem.field;
    this.challenge = problem.challenge;
    this.methods = problem.methods;
    this.passkeyOptions = problem.passkeyOptions;
  }
}

/** Whether an error says that the session has ended, and not only that something went wrong. */
export const endsSession = (err: unknown): boolean =>
  err instanceof AuthError && ['unauthenticated', 'invalid-refresh-token', 'account-disabled'].includes(err.code);
