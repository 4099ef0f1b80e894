import { codeOf, reasonOf } from '../../base/errors.ts';
import {
  isFault,
  isTuple,
  PickleError,
  type PyFault,
  type PyValue,
  readPickle,
  writePickle,
} from '../../base/pickle.ts';
import { CLOSE, END } from '../../daemon/control/server.ts';

/** What a daemon answered. */
export type Reply =
  | { readonly kind: 'value'; readonly value: PyValue }
  | { readonly kind: 'fault'; readonly fault: PyFault }
  /** Nobody answers there: the errno name, or `timeout`. */
  | { readonly kind: 'silent'; readonly code: string };

/** Asks the daemon behind the socket; `timeoutMs` is how long it may be silent, null = as long as it takes. */
export function ask(
  path: string,
  words: readonly PyValue[],
  timeoutMs: number | null = null,
): Promise<Reply> {
  const socket = process.getBuiltinModule('node:net').connect(path);
  return new Promise((resolve) => {
    let answer = Buffer.alloc(0);
    const end = (reply: Reply): void => {
      socket.destroy();
      resolve(reply);
    };
    if (timeoutMs !== null) socket.setTimeout(timeoutMs, () => end({ kind: 'silent', code: 'timeout' }));
    socket.on('error', (error) => end({ kind: 'silent', code: codeOf(error) || 'error' }));
    socket.on('close', () => end({ kind: 'silent', code: 'ECONNRESET' }));
    socket.on('connect', () => socket.write(Buffer.concat([writePickle(words), END])));
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      const at = answer.lastIndexOf(END);
      if (at < 0) return;
      socket.write(Buffer.concat([CLOSE, END]));
      end(readReply(answer.subarray(0, at)));
    });
  });
}

/** What is no plain pickle comes as a fault, and never throws: it is read in an event. */
function readReply(bytes: Uint8Array): Reply {
  try {
    return replyOf(readPickle(bytes, { faults: true }));
  } catch (error) {
    const text = error instanceof PickleError ? error.message : reasonOf(error);
    return {
      kind: 'fault',
      fault: { fault: 'builtins.Exception', args: [`the answer cannot be read: ${text}`] },
    };
  }
}

function replyOf(value: PyValue): Reply {
  const [code, content = null] = isTuple(value) ? value.tuple : [1, value];
  if (code === 0) return { kind: 'value', value: content };
  if (isFault(content)) return { kind: 'fault', fault: content };
  return { kind: 'fault', fault: { fault: 'builtins.Exception', args: [content] } };
}
