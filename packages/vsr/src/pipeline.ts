/**
 * Most ops that may be prepared above the commit number, in any group, ever: part of the protocol, since a
 * restarted replica concludes from its head that everything so far below it is committed.
 */
export const PIPELINE_MAX = 32;
