// Enforces the NetworkPolicy objects of a cluster on one node: kube-router's controller for them alone, without its routing and its
// proxy. It ends when the node is not known yet, to be started again.
package main

import (
	"flag"
	"log"
	"sync"

	"github.com/cloudnativelabs/kube-router/v2/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/v2/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/v2/pkg/options"
	"github.com/cloudnativelabs/kube-router/v2/pkg/svcip"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "file with the cluster's address and credentials")
	config := options.NewKubeRouterConfig()
	flag.StringVar(&config.HostnameOverride, "node", "", "name of the node")
	services := flag.String("services", "", "CIDR of services")
	flag.Parse()
	config.EnableIPv4, config.ClusterIPCIDRs = true, []string{*services}
	if err := enforce(*kubeconfig, config); err != nil {
		log.Fatal(err)
	}
}

// enforce goes on until the process is ended.
func enforce(kubeconfig string, config *options.KubeRouterConfig) error {
	rest, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(rest)
	if err != nil {
		return err
	}
	controller, err := controllerOf(client, config)
	if err != nil {
		return err
	}
	heartbeats := make(chan *healthcheck.ControllerHeartbeat)
	go func() {
		for range heartbeats {
		}
	}()
	var running sync.WaitGroup
	running.Add(1)
	go controller.Run(heartbeats, make(chan struct{}), &running)
	running.Wait()
	return nil
}

// controllerOf knows what is there, and hears what changes.
func controllerOf(client kubernetes.Interface, config *options.KubeRouterConfig) (*netpol.NetworkPolicyController, error) {
	ranges, err := svcip.NewValidator(svcip.Config{ClusterIPCIDRs: config.ClusterIPCIDRs, EnableIPv4: true})
	if err != nil {
		return nil, err
	}
	tables, sets, err := netpol.NewIPTablesHandlers(config)
	if err != nil {
		return nil, err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods().Informer()
	namespaces := factory.Core().V1().Namespaces().Informer()
	policies := factory.Networking().V1().NetworkPolicies().Informer()
	never := make(chan struct{})
	factory.Start(never)
	factory.WaitForCacheSync(never)
	var lock sync.Mutex
	controller, err := netpol.NewNetworkPolicyController(
		client, config, pods, policies, namespaces, &lock, nil, tables, sets, ranges)
	if err != nil {
		return nil, err
	}
	if _, err := pods.AddEventHandler(controller.PodEventHandler); err != nil {
		return nil, err
	}
	if _, err := namespaces.AddEventHandler(controller.NamespaceEventHandler); err != nil {
		return nil, err
	}
	_, err = policies.AddEventHandler(controller.NetworkPolicyEventHandler)
	return controller, err
}
