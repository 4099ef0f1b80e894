#!/bin/bash
# machine.sh FOLDER GROUP CHECKOUT: the first process of a machine of the tests' own, in the network namespace that it is started in.
# The disk is the host's with a layer of its own above it; journal, syslog and units (control groups) are its own too.
# It ends with its standard input: so with the test, even if that is killed, and leaves nothing.
set -eu
folder=$1 group=$2 checkout=$3
if [ "${4:-}" != inside ]; then
  trap 'rm -rf "$folder"; find "$group" -depth -type d -exec rmdir {} ";"' EXIT
  mkdir "$group"
  (
    echo 0 >"$group/cgroup.procs"
    exec unshare --mount --pid --cgroup --fork --kill-child=KILL --propagation private bash "$0" "$@" inside
  )
  exit
fi

read -r pid _ </proc/self/stat
mkdir "$folder/upper" "$folder/work" "$folder/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
cd "$folder/root"
mkdir -p ".$checkout"
mount --bind "$checkout" ".$checkout"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs dev
mkdir dev/shm dev/pts run/lock run/user
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
for device in null zero full random urandom tty; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
chmod 1777 dev/shm run/lock
mkdir -p run/systemd/system run/systemd/journal run/systemd/journald.conf.d sys/fs/cgroup/system.slice
touch run/systemd/journal/flushed
rm -rf var/log/journal var/lib/f2b
mkdir -p var/log/journal
ln -s /run/systemd/journal/dev-log dev/log
cat >run/systemd/journald.conf.d/machine.conf <<'END'
[Journal]
Storage=persistent
ForwardToSyslog=yes
ReadKMsg=no
Audit=no
RateLimitIntervalSec=0
END
printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
exec chroot . bash -ec '
  /lib/systemd/systemd-journald &
  until [ -S /run/systemd/journal/dev-log ]; do kill -0 $!; sleep 0.05; done
  echo "ready '"$pid"'"
  read -r _' machine
