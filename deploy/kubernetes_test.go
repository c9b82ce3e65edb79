package deploy_test

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// installations are the kustomizations that are applied as a whole. The last is not in the repository:
// it is the example with both components that can be added.
var installations = []string{"example", "versioned", "setup", "encrypted", "with-console"}

var update = flag.Bool("update", false, "write the rules for Prometheus Operator anew")

// workload is what has pods.
type workload struct {
	meta   metav1.ObjectMeta
	labels map[string]string
	pod    corev1.PodSpec
	claims []corev1.PersistentVolumeClaim
	runs   bool // for long
}

// manifests are what a kustomization is made into.
type manifests struct {
	workloads []workload
	budgets   []policyv1.PodDisruptionBudget
	services  []corev1.Service
	policies  []networkingv1.NetworkPolicy
	ingresses []networkingv1.Ingress
	accounts  []corev1.ServiceAccount
	monitors  []monitoringv1.PodMonitor
	rules     []monitoringv1.PrometheusRule
	settings  map[string]map[string]string // of ConfigMaps
	secrets   map[string]map[string][]byte
}

// render makes a kustomization as `kubectl apply -k` does, with made-up secrets, and reads the result
// as the API server would: what it does not know is an error.
func render(t *testing.T, name string) manifests {
	t.Helper()
	files := filesys.MakeFsInMemory()
	add := func(path, text string) { require.NoError(t, files.WriteFile(path, []byte(text))) }
	require.NoError(t, filepath.WalkDir("kubernetes", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		add(path, string(text))
		return err
	}))
	add("kubernetes/site/secrets/callback-keys", "k1:"+strings.Repeat("A", 43)+"=")
	add("kubernetes/site/secrets/client-secret", "made-up")
	add("kubernetes/encryption/secrets/encryption-keys", "k1:"+strings.Repeat("E", 43)+"=")
	add("kubernetes/encryption/secrets/codec-token", "long-enough-for-a-token")
	add("kubernetes/console/secrets/operator-keys", "k1:"+strings.Repeat("I", 43)+"=")
	add("kubernetes/console/secrets/console-keys", "k1:"+strings.Repeat("M", 43)+"=")
	add("kubernetes/console/secrets/oidc-client-secret", "made-up-too")
	add("kubernetes/with-console/kustomization.yaml", "resources: [../worker, ../bridge]\ncomponents: [../site, ../console]\n")
	add("kubernetes/encrypted/kustomization.yaml", "resources: [../worker, ../bridge]\ncomponents: [../site, ../encryption, ../monitoring]\n")
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, "kubernetes/"+name)
	require.NoError(t, err)
	m := manifests{settings: map[string]map[string]string{}, secrets: map[string]map[string][]byte{}}
	for _, resource := range resources.Resources() {
		text, err := resource.AsYAML()
		require.NoError(t, err)
		m.add(t, resource.GetKind(), text)
	}
	return m
}

func decode[T any](t *testing.T, text []byte) (object T) {
	t.Helper()
	require.NoError(t, yaml.UnmarshalStrict(text, &object), "%s", text)
	return object
}

func (m *manifests) add(t *testing.T, kind string, text []byte) {
	t.Helper()
	switch kind {
	case "Deployment":
		d := decode[appsv1.Deployment](t, text)
		m.workload(t, d.ObjectMeta, d.Spec.Selector, d.Spec.Template, nil, true)
	case "StatefulSet":
		s := decode[appsv1.StatefulSet](t, text)
		m.workload(t, s.ObjectMeta, s.Spec.Selector, s.Spec.Template, s.Spec.VolumeClaimTemplates, true)
	case "Job":
		j := decode[batchv1.Job](t, text)
		m.workload(t, j.ObjectMeta, nil, j.Spec.Template, nil, false)
	case "PodDisruptionBudget":
		m.budgets = append(m.budgets, decode[policyv1.PodDisruptionBudget](t, text))
	case "Service":
		m.services = append(m.services, decode[corev1.Service](t, text))
	case "NetworkPolicy":
		m.policies = append(m.policies, decode[networkingv1.NetworkPolicy](t, text))
	case "Ingress":
		m.ingresses = append(m.ingresses, decode[networkingv1.Ingress](t, text))
	case "ServiceAccount":
		m.accounts = append(m.accounts, decode[corev1.ServiceAccount](t, text))
	case "PodMonitor":
		m.monitors = append(m.monitors, decode[monitoringv1.PodMonitor](t, text))
	case "PrometheusRule":
		m.rules = append(m.rules, decode[monitoringv1.PrometheusRule](t, text))
	case "ConfigMap":
		c := decode[corev1.ConfigMap](t, text)
		m.settings[c.Name] = c.Data
	case "Secret":
		s := decode[corev1.Secret](t, text)
		m.secrets[s.Name] = s.Data
	case "Namespace":
		n := decode[corev1.Namespace](t, text)
		require.Equal(t, "restricted", n.Labels["pod-security.kubernetes.io/enforce"])
	default:
		require.Fail(t, "unexpected "+kind)
	}
}

func (m *manifests) workload(t *testing.T, meta metav1.ObjectMeta, selector *metav1.LabelSelector, template corev1.PodTemplateSpec, claims []corev1.PersistentVolumeClaim, runs bool) {
	t.Helper()
	if selector != nil {
		require.True(t, selects(t, selector, template.Labels), "%s does not select its own pods", meta.Name)
	}
	m.workloads = append(m.workloads, workload{meta: meta, labels: template.Labels, pod: template.Spec, claims: claims, runs: runs})
}

func selects(t *testing.T, selector *metav1.LabelSelector, pod map[string]string) bool {
	t.Helper()
	s, err := metav1.LabelSelectorAsSelector(selector)
	require.NoError(t, err)
	require.False(t, s.Empty(), "a selector that selects everything")
	return s.Matches(labels.Set(pod))
}

// selected counts the workloads that match.
func (m manifests) selected(matches func(workload) bool) (n int) {
	for _, w := range m.workloads {
		if matches(w) {
			n++
		}
	}
	return n
}

// anySettings are those of the one ConfigMap.
func (m manifests) anySettings(t *testing.T) map[string]string {
	t.Helper()
	require.Len(t, m.settings, 1)
	for _, settings := range m.settings {
		return settings
	}
	return nil
}

func hasPort(w workload, name string) bool {
	return slices.ContainsFunc(w.pod.Containers[0].Ports, func(p corev1.ContainerPort) bool { return p.Name == name })
}
