/** What an error speaks about, as far as the command knows it: makes hints that can be pasted. */
export interface ErrorSubject {
  readonly stream?: string | undefined;
  readonly topic?: string | undefined;
  readonly servers?: readonly string[] | undefined;
}

/** A word for the shell: quoted when it would not be taken as it stands. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** What to do about an error, or undefined when there is nothing better to say than the error itself. */
export function hintFor(code: string, subject: ErrorSubject = {}): string | undefined {
  const stream = shellWord(subject.stream ?? 'STREAM');
  const topic =
    subject.topic === undefined ? `${stream}/TOPIC` : shellWord(`${subject.stream}/${subject.topic}`);
  switch (code) {
    case 'unknownStream':
      return `make it with: vireo stream create ${stream}`;
    case 'unknownTopic':
      return `make it with: vireo topic create ${topic}; there are: vireo topic ls`;
    case 'unknownPartition':
      return `see its partitions with: vireo topic describe ${topic}`;
    case 'alreadyExists':
      return '--if-not-exists makes this no error';
    case 'streamNotEmpty':
      return `delete its topics first, or use: vireo stream rm ${stream} --cascade`;
    case 'durabilityUnavailable':
      return `see its durability with: vireo topic describe ${topic}; change it with: vireo topic alter ${topic} --durability disk`;
    case 'tooManyReplicas':
      return 'see the nodes with: vireo cluster describe';
    case 'invalidName':
      return "names have 1 to 255 bytes of UTF-8, no '/' and no control characters";
    case 'recordTooLarge':
      return 'the limit is recordBytesMax: 1 MiB unless the servers say otherwise';
    case 'connectFailed':
      return `is a cluster running at ${subject.servers?.join(', ') ?? 'this address'}? Try: vireo dev --nodes 3`;
    case 'notVireo':
      return '--server names the port for clients; something else answers there';
    case 'unsupportedVersion':
      return 'use a vireo of the version that the servers have';
    case 'notReady':
    case 'timeout':
      return 'see which groups have a primary with: vireo cluster describe';
    case 'outcomeUnknown':
    case 'viewChanged':
    case 'connectionLost':
      return 'the request may have taken effect: look before sending it again';
    case 'diskFull':
      return 'make room on the disks of the nodes; reading goes on meanwhile';
    case 'offsetOutOfRange':
      return `see start and end with: vireo topic describe ${topic}`;
    default:
      return undefined;
  }
}
