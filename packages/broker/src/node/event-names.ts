/**
 * Names of the node's log events: stable, for people's searches and alerts. A name is never reused for another
 * meaning. The value says when the event is logged.
 */
export const EventNames = {
  'node.started': 'the node takes connections; fields state what was recovered',
  'node.recovered': 'the data directory was read: groups, cut bytes, open repairs',
  'node.stopping': 'a graceful stop began',
  'node.stopped': 'everything is synced and closed',
  'node.failed': 'the node can not go on and asks its process to end',
  'founding.waiting': 'unfounded: waiting for founders that have not answered',
  'founding.completed': 'the founding record is durable here',
  'founding.refused': 'another incarnation is registered for this node, or another cluster answered',
  'group.created': 'a replica was created from its committed metadata entry',
  'group.opened': 'a replica was opened from its snapshot, segments and journal',
  'group.deleted': 'a replica ended because its topic was deleted',
  'group.abandoned':
    'files of a group that metadata does not know, perhaps since a cold start lost its creation: they stay',
  'group.recovering':
    'a replica may not vote until a primary has told it the log: acked ops were lost with its memory, or are damaged',
  'group.recovered': 'such a replica was told the log and takes part again',
  'group.unsealed':
    'at a graceful stop not all that a replica in mode `memory` holds became durable: it will be recovering',
  'group.handsOver': 'this node leads the group and was asked to let another one lead',
  'group.coldStartOrdered': 'an operator ordered a cold start of the group',
  'group.coldStarted':
    'the group went on from the best log that was left: what had been acknowledged beyond it is gone',
  'group.diverged':
    'equal logs gave another state here than to the majority (`self`): the replica stops; or there is no majority (`group`)',
  'group.modeChanged': 'what an acknowledgement of a partition means has changed',
  'view.changed': 'a replica entered another view',
  'primary.elected': 'the replica here became the primary of its view',
  'peer.connected': 'a channel to another node is ready',
  'peer.disconnected': 'a channel to another node closed',
  'peer.refused': 'another node did not prove the secret, or belongs elsewhere',
  'peer.overloaded': 'frames to a peer are dropped: too many bytes are unsent',
  'connection.rejected': 'a connection was closed because of what it sent',
  'connection.idle': 'a connection did not finish its handshake in time',
  'checkpoint.started': 'snapshots and syncs of all changed groups began',
  'checkpoint.completed': 'the journal may be reused up to the checkpoint',
  'transfer.started': 'a replica that is far behind begins to fetch the checkpoint of a peer',
  'transfer.verified': 'all of it is there and verified: it is installed next',
  'transfer.finished': 'it was installed: the replica goes on from there',
  'transfer.failed': 'it came to nothing; what is staged is kept, and the replica is repaired op by op',
  'journal.full': 'intake is refused until a checkpoint frees the journal',
  'journal.extended':
    'the full journal grew by a file beyond its settings, since no checkpoint could free it',
  'disk.failed': 'a write or sync failed: the node votes no more and stops',
  'read.failed': 'committed data could not be read: damaged or unreadable',
  'topic.created': 'this node proposed a topic',
} as const;

/** Name of a log event. */
export type EventName = keyof typeof EventNames;
