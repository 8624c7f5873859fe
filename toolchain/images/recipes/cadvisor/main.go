// Command cadvisor is what cAdvisor's own command is, as far as it is used here: its program is a module of its own that no
// module proxy has, its library is one that they have. It takes the same options, reads containers by the same code, and
// serves /metrics and /healthz; the pages for people and the drivers of other stores are missing.
package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/google/cadvisor/cache/memory"
	"github.com/google/cadvisor/container"
	_ "github.com/google/cadvisor/container/docker/install"
	v2 "github.com/google/cadvisor/info/v2"
	"github.com/google/cadvisor/manager"
	"github.com/google/cadvisor/metrics"
	"github.com/google/cadvisor/utils/sysfs"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

func main() {
	klog.InitFlags(nil)
	ip := flag.String("listen_ip", "", "address to listen on")
	port := flag.Int("port", 8080, "port to listen on")
	labels := flag.Bool("store_container_labels", true, "whether a container's labels are labels of its metrics")
	kept := flag.String("whitelisted_container_labels", "", "labels that are, where the others are not")
	duration := flag.Duration("storage_duration", 2*time.Minute, "how long to keep data")
	enabled, disabled := container.MetricSet{}, container.MetricSet{}
	flag.Var(&enabled, "enable_metrics", "metrics to be enabled")
	flag.Var(&disabled, "disable_metrics", "metrics to be disabled")
	flag.Parse()

	included := container.AllMetrics.Difference(disabled)
	if len(enabled) > 0 {
		included = enabled
	}
	containers, err := manager.New(memory.New(*duration, nil), sysfs.NewRealSysFs(), manager.HousekeepingConfigFlags,
		included, http.DefaultClient, []string{""}, []string{""}, "", 0)
	if err != nil {
		klog.Fatalf("cannot make the manager: %v", err)
	}
	if err := containers.Start(); err != nil {
		klog.Fatalf("cannot start the manager: %v", err)
	}
	labelled := metrics.DefaultContainerLabels
	if !*labels {
		labelled = metrics.BaseContainerLabels(strings.Split(*kept, ","))
	}
	registry := prometheus.NewRegistry()
	options := v2.RequestOptions{IdType: v2.TypeName, Count: 1, Recursive: true}
	registry.MustRegister(
		metrics.NewPrometheusCollector(containers, labelled, included, clock.RealClock{}, options),
		metrics.NewPrometheusMachineCollector(containers, included),
	)
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		_ = containers.Stop()
		os.Exit(0)
	}()
	server := &http.Server{Addr: fmt.Sprintf("%s:%d", *ip, *port), ReadHeaderTimeout: 10 * time.Second}
	klog.Fatal(server.ListenAndServe())
}
