export * from './backend';
export * from './problem';
export type * from './types';
