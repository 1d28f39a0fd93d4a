/** Why a call was refused or failed. Switch on `code`. */
export class AuthError extends Error {
    name = 'AuthError';
    code;
    /** The HTTP status; 0 if no answer came. */
    status;
    requestId;
    /** Seconds, if waiting helps. */
    retryAfter;
    /** With invalid-input: the wrong argument. */
    field;
    /** With second-factor-required: send it with the proof. */
    challenge;
    /** With second-factor-required and elevation-required: the ways to prove who you are. */
    methods;
    /** With second-factor-required, if a passkey is among the methods. */
    passkeyOptions;
    constructor(problem, cause) {
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
export const endsSession = (err) => err instanceof AuthError && ['unauthenticated', 'invalid-refresh-token', 'account-disabled'].includes(err.code);
//# sourceMappingURL=error.js.map