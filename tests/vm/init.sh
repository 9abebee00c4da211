#!/bin/sh
# shellcheck disable=SC3045
# Process 1 of the quick machine of tools/vm-check: mounts what a system has, gives it its network, runs the part that the kernel's command line names (stint.part=NAME), and switches the machine off.
# Nothing else runs in it, so that it is there in seconds. The part's lines go to the second serial port, its noise to the first.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
HOME=/root
export HOME
mount -t proc proc /proc
mount -t sysfs sysfs /sys
[ -e /dev/null ] || mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs -o mode=755 tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -o remount,rw /
ln -sf /proc/self/fd /dev/fd
ulimit -n 65536
hostname vm
ip link set lo up
ip link set eth0 up 2> /dev/null && ip addr add 10.0.2.15/24 dev eth0 && ip route add default via 10.0.2.2
part=$(sed -n 's/.*stint\.part=\([a-z]*\).*/\1/p' /proc/cmdline)
setsid sh "/stint/src/tests/vm/$part.sh" > /dev/ttyS1 2>&1 < /dev/null
sync
echo 1 > /proc/sys/kernel/sysrq
echo o > /proc/sysrq-trigger
while :; do sleep 10; done
