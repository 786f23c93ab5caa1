#!/usr/bin/env bash
# A whole Kubernetes in private mount, network and process namespaces. Started by cluster.ts as
#   unshare --mount --net --pid --fork --kill-child --mount-proc bash inside.sh WORK
# It ends when its standard input does, and everything in the namespaces ends with it.
set -euo pipefail
work=$1
source "$work/settings.sh"

mount --make-rprivate /
# What the node writes outside of its own directories goes to a layer that nobody keeps.
for place in /var/lib /var/log /etc/cni /opt; do
  mkdir -p "$work/layers$place/upper" "$work/layers$place/work" "$place"
  mount -t overlay overlay -o "lowerdir=$place,upperdir=$work/layers$place/upper,workdir=$work/layers$place/work" "$place"
done
# An overlay can't lie on an overlay: containerd's snapshots and the kubelet's volumes have directories of their own.
mkdir -p "$work/containerd" "$work/kubelet" /var/lib/containerd /var/lib/kubelet
mount --bind "$work/containerd" /var/lib/containerd
mount --bind "$work/kubelet" /var/lib/kubelet
mount --make-rshared /var/lib/kubelet
mount -t tmpfs tmpfs /run
mkdir -p /run/lock
mkdir -p "$work/sysctl"
sysctl() {
  echo "$2" >"$work/sysctl/${1//\//.}"
  mount --bind "$work/sysctl/${1//\//.}" "/proc/sys/$1"
}
# The kubelet insists on these values, and they belong to the whole machine.
sysctl vm/overcommit_memory 1
sysctl vm/panic_on_oom 0
sysctl kernel/panic 10
sysctl kernel/panic_on_oops 1
sysctl kernel/keys/root_maxkeys 1000000
sysctl kernel/keys/root_maxbytes 25000000

ip link set lo up
# The other end comes from outside, once this network exists.
echo "network" >"$work/ready"
until ip link show inside >/dev/null 2>&1; do sleep 0.05; done
ip addr add "$NODE_IP/30" dev inside
ip link set inside up
ip route add default via "$HOST_IP"
echo 1 >/proc/sys/net/ipv4/ip_forward

log() { exec "$@" >>"$work/$name.log" 2>&1 </dev/null; }
start() {
  name=$1
  shift
  (log "$@") &
}
pki=$work/pki
start etcd etcd --data-dir "$work/etcd" --unsafe-no-fsync --listen-client-urls http://127.0.0.1:2379 \
  --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380 --logger zap --log-level warn
start apiserver "$BINARIES/kube-apiserver" --bind-address="$NODE_IP" --advertise-address="$NODE_IP" --secure-port=6443 \
  --endpoint-reconciler-type=none --etcd-servers=http://127.0.0.1:2379 --service-cluster-ip-range=10.96.0.0/16 \
  --authorization-mode=Node,RBAC --allow-privileged=true --enable-aggregator-routing=true --enable-admission-plugins=NodeRestriction \
  --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$pki/sa.pub" \
  --service-account-signing-key-file="$pki/sa.key" --client-ca-file="$pki/ca.crt" \
  --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
  --kubelet-client-certificate="$pki/admin.crt" --kubelet-client-key="$pki/admin.key" \
  --kubelet-preferred-address-types=InternalIP,Hostname
start controller-manager "$BINARIES/kube-controller-manager" --bind-address=127.0.0.1 --leader-elect=false \
  --kubeconfig="$pki/controller-manager.conf" --use-service-account-credentials=true --root-ca-file="$pki/ca.crt" \
  --service-account-private-key-file="$pki/sa.key" --node-monitor-grace-period=600s
start scheduler "$BINARIES/kube-scheduler" --bind-address=127.0.0.1 --leader-elect=false --kubeconfig="$pki/scheduler.conf"
if [ -n "$WITH_NODE" ]; then
  mkdir -p /run/containerd /etc/cni/net.d
  # What this machine has there, of podman for one, would come first in the alphabet.
  rm -rf /etc/cni/net.d/*
  cp "$work/cni.conflist" /etc/cni/net.d/
  start containerd containerd --config "$work/containerd.toml"
  # An image becomes known before the kubelet asks for it.
  until ctr --address /run/containerd/containerd.sock version >/dev/null 2>&1; do sleep 0.1; done
  for image in $IMAGES; do ctr --address /run/containerd/containerd.sock -n k8s.io images import --no-unpack "$image" >/dev/null; done
  # The image that components name when they name none.
  ctr --address /run/containerd/containerd.sock -n k8s.io images tag localhost/python:3.11 docker.io/library/python:3.11 >/dev/null
  start kubelet "$BINARIES/kubelet" --config="$work/kubelet.yaml" --kubeconfig="$pki/kubelet.conf" --hostname-override="$NODE_NAME" \
    --node-ip="$NODE_IP"
fi
for extra in "$work"/extra/*.sh; do
  [ -e "$extra" ] || continue
  name=$(basename "$extra" .sh)
  (log bash "$extra") &
done
echo "started" >"$work/ready"
# Lines on standard input are commands to run in here; its end is the end of everything.
while read -r line; do
  bash -c "$line" </dev/null >>"$work/commands.log" 2>&1 || true
  echo "done" 
done
