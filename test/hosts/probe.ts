/** Connections from banned addresses and from one that is not banned, every 100 ms, for as long as something is done to the host. */
import { eventually } from '../testbed/testbed.ts';
import { facing, type Host } from './host.ts';

/** The port that the probe connects to; the jail has to block it. */
export const PORT = 8022;

const LISTEN = `
import socket
server = socket.create_server(('', ${PORT}), family=socket.AF_INET6, dualstack_ipv6=True, backlog=100)
while True:
    server.accept()[0].close()
`;

const PROBE = `
import os, socket, sys, threading, time
def attempt(source, to):
    begin = time.time()
    print(source, connect(source, to), '%.2f' % begin, flush=True)
def connect(source, to):
    s = socket.socket(socket.AF_INET6 if ':' in source else socket.AF_INET)
    s.settimeout(0.4)
    try:
        s.bind((source, 0))
        s.connect((to, ${PORT}))
        return 'open'
    except OSError:
        return 'closed'
    finally:
        s.close()
def follow(source, to):
    attempts = []
    while not os.path.exists('/run/probe.stop'):
        # One does not wait for the answer to the last one.
        attempts.append(threading.Thread(target=attempt, args=(source, to)))
        attempts[-1].start()
        time.sleep(0.1)
    for one in attempts: one.join()
threads = [threading.Thread(target=follow, args=word.split(',')) for word in sys.argv[1:]]
for thread in threads: thread.start()
for thread in threads: thread.join()
print('end', flush=True)
`;

/** What the probe saw: attempts and successful connections by address. */
export type Seen = ReadonlyMap<string, { readonly attempts: number; readonly open: number }>;

/** Has something listen on the host; once a boot. */
export function listen(host: Host): void {
  host.write('/root/listen.py', LISTEN);
  host.must('systemd-run -q --unit=probe-listen python3 /root/listen.py');
}

/** Connects from these addresses until `work` is done. */
export async function probed(host: Host, sources: readonly string[], work: () => unknown): Promise<Seen> {
  host.write('/root/probe.py', PROBE);
  const words = sources.map((source) => `${source},${facing(source)}`).join(' ');
  host.must(`rm -f /run/probe.stop
setsid nsenter --net=/run/netns/att python3 /root/probe.py ${words} >/run/probe.log 2>&1 </dev/null &`);
  const log = (): string => host.must('cat /run/probe.log');
  const all = (): boolean => sources.every((source) => log().includes(`${source} `));
  await eventually(() => `the probe runs: ${log()}`, all, 10);
  try {
    await work();
  } finally {
    host.must('touch /run/probe.stop');
    await eventually('the probe ends', () => log().endsWith('end\n'), 10);
  }
  const seen = new Map<string, { attempts: number; open: number }>();
  for (const [, source = '', result] of log().matchAll(/^(\S+) (open|closed) /gm)) {
    const one = seen.get(source) ?? { attempts: 0, open: 0 };
    seen.set(source, { attempts: one.attempts + 1, open: one.open + (result === 'open' ? 1 : 0) });
  }
  return seen;
}
