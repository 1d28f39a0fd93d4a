export { createClient, type Client, type Options } from './client.js';
export { AuthError, type ErrorCode } from './error.js';
export type { HostedOptions } from './hosted.js';
export type { Arguments, Input, Operation, Output } from './operation.js';
export type { Grant } from './session.js';
export type { Listener, State, User } from './state.js';
export type { SessionStorage } from './storage.js';
export type { components, operations } from './openapi.js';
