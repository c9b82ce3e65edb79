package deploy_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/dpaflow/dpaflow/internal/config"
)

// start is what a workload's container is started with; secrets that may be missing are.
func (m manifests) start(t *testing.T, w workload) container {
	t.Helper()
	require.Len(t, w.pod.Containers, 1)
	c := container{name: w.meta.Name, env: map[string]string{}, files: map[string]string{}}
	for _, from := range w.pod.Containers[0].EnvFrom {
		require.Contains(t, m.settings, from.ConfigMapRef.Name)
		for name, value := range m.settings[from.ConfigMapRef.Name] {
			c.env[name] = value
		}
	}
	for _, variable := range w.pod.Containers[0].Env {
		require.NotContains(t, c.env, variable.Name, "set twice")
		c.env[variable.Name] = variable.Value
	}
	for _, mount := range w.pod.Containers[0].VolumeMounts {
		require.Empty(t, mount.SubPath, "what is changed does not arrive in %s", mount.MountPath)
		c.files[mount.MountPath] = t.TempDir()
		index := slices.IndexFunc(w.pod.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name })
		if index < 0 {
			require.Equal(t, mount.Name, w.claims[0].Name)
			continue
		}
		require.True(t, mount.ReadOnly, mount.MountPath)
		secret := w.pod.Volumes[index].Secret
		if secret == nil {
			continue
		}
		if secret.Optional == nil {
			require.Contains(t, m.secrets, secret.SecretName)
		}
		for name, value := range m.secrets[secret.SecretName] {
			require.NoError(t, os.WriteFile(filepath.Join(c.files[mount.MountPath], name), value, 0o600))
		}
	}
	return c
}

// each visits every workload of every installation.
func each(t *testing.T, visit func(t *testing.T, m manifests, w workload)) {
	t.Helper()
	for _, name := range installations {
		m := render(t, name)
		require.NotEmpty(t, m.workloads)
		for _, w := range m.workloads {
			t.Run(name+"/"+w.meta.Name, func(t *testing.T) { visit(t, m, w) })
		}
	}
}

// programs are those that images are built of.
var programs = []string{"worker", "bridge", "console", "starter", "codec", "simulator"}

func program(w workload) string { return w.pod.Containers[0].Name }

func TestPodsAreGivenWhatTheirProgramsRead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, m manifests, w workload) {
		lookup := m.start(t, w).lookup
		ports := map[string]string{}
		for _, p := range w.pod.Containers[0].Ports {
			ports[p.Name] = strconv.Itoa(int(p.ContainerPort))
		}
		listens := map[string]string{}
		switch program(w) {
		case "worker":
			cfg, err := config.LoadWorker(lookup, false)
			require.NoError(t, err)
			listens = map[string]string{"admin": cfg.AdminAddr}
			require.Greater(t, time.Duration(*w.pod.TerminationGracePeriodSeconds)*time.Second, cfg.Platform.Timeout+5*time.Second)
		case "bridge":
			cfg, err := config.LoadBridge(lookup)
			require.NoError(t, err)
			listens = map[string]string{"admin": cfg.AdminAddr, "callbacks": cfg.Addr}
			require.NotEmpty(t, cfg.SpoolDir)
			wait := time.Duration(w.pod.Containers[0].Lifecycle.PreStop.Sleep.Seconds) * time.Second
			require.Positive(t, wait, "callbacks come until all know that it is going")
			require.Greater(t, time.Duration(*w.pod.TerminationGracePeriodSeconds)*time.Second, wait+bridgeStops(t))
		case "console":
			cfg, err := config.LoadConsole(lookup)
			require.NoError(t, err)
			listens = map[string]string{"admin": cfg.AdminAddr, "pages": cfg.Addr}
			require.Greater(t, time.Duration(*w.pod.TerminationGracePeriodSeconds)*time.Second, bridgeStops(t))
		case "codec":
			cfg, err := config.LoadCodec(lookup)
			require.NoError(t, err)
			listens = map[string]string{"codec": cfg.Addr}
		case "setup":
			_, err := config.LoadStarter(lookup, false)
			require.NoError(t, err)
		default:
			require.Fail(t, "unknown program "+program(w))
		}
		for name, address := range listens {
			host, _, _ := strings.Cut(address, ":")
			require.Equal(t, "0.0.0.0", host, "%s can be reached from outside of the pod", name)
			require.Equal(t, port(t, address), ports[name], name)
		}
		require.Len(t, ports, len(listens))
	})
}

func TestEncryptionReachesEveryProgram(t *testing.T) {
	t.Parallel()
	m := render(t, "encrypted")
	require.Len(t, m.workloads, 3)
	for _, w := range m.workloads {
		_, set := m.start(t, w).lookup("DPA_ENCRYPTION_KEYS_FILE")
		require.True(t, set, w.meta.Name)
	}
}

func TestWhatTheConsoleSignsTheWorkersCheck(t *testing.T) {
	t.Parallel()
	m := render(t, "with-console")
	signs, checks := 0, 0
	for _, w := range m.workloads {
		lookup := m.start(t, w).lookup
		switch program(w) {
		case "console":
			cfg, err := config.LoadConsole(lookup)
			require.NoError(t, err)
			require.False(t, cfg.OperatorKeys.None())
			signs++
		case "worker":
			cfg, err := config.LoadWorker(lookup, false)
			require.NoError(t, err)
			require.False(t, cfg.OperatorKeys.None())
			checks++
		}
	}
	require.Equal(t, []int{1, 1}, []int{signs, checks})
}

func TestNoPodHasAPrivilege(t *testing.T) {
	t.Parallel()
	standards, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	require.NoError(t, err)
	each(t, func(t *testing.T, _ manifests, w workload) {
		require.Equal(t, "dpaflow", w.meta.Namespace)
		restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
		verdict := policy.AggregateCheckResults(standards.EvaluatePod(restricted, &w.meta, &w.pod))
		require.True(t, verdict.Allowed, verdict.ForbiddenDetail())
		require.False(t, *w.pod.AutomountServiceAccountToken)
		require.EqualValues(t, 65532, *w.pod.SecurityContext.RunAsUser)
		c := w.pod.Containers[0]
		require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem)
		require.Empty(t, c.SecurityContext.Capabilities.Add)
		require.False(t, c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() || c.Resources.Limits.Memory().IsZero())
		require.Regexp(t, `^registry\.example/dpaflow-`, c.Image)
		_, image, _ := strings.Cut(c.Image, "/dpaflow-")
		target, tag, pinned := strings.Cut(image, ":")
		require.Contains(t, programs, target)
		require.True(t, pinned && tag != "latest", c.Image)
		require.Empty(t, c.Command, "the image knows")
	})
}

func TestProbesAskWhatTheProgramAnswers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ manifests, w workload) {
		c := w.pod.Containers[0]
		if !w.runs {
			require.Nil(t, c.LivenessProbe)
			return
		}
		if program(w) == "codec" {
			require.Equal(t, "codec", c.LivenessProbe.TCPSocket.Port.StrVal)
			require.Equal(t, []string{"/codec", "-healthcheck"}, c.ReadinessProbe.Exec.Command)
			return
		}
		for path, probe := range map[string]*corev1.Probe{"/healthz": c.LivenessProbe, "/readyz": c.ReadinessProbe} {
			require.Equal(t, path, probe.HTTPGet.Path)
			require.Equal(t, "admin", probe.HTTPGet.Port.StrVal)
			require.Greater(t, probe.TimeoutSeconds, int32(3), "a check takes up to 3 seconds")
		}
	})
}

func TestEveryPodIsCoveredByABudgetAndAPolicyOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, name := range installations {
		m := render(t, name)
		for _, w := range m.workloads {
			if !w.runs {
				continue
			}
			budgets := slices.DeleteFunc(slices.Clone(m.budgets), func(b policyv1.PodDisruptionBudget) bool { return !selects(t, b.Spec.Selector, w.labels) })
			require.Len(t, budgets, 1, w.meta.Name)
			require.Equal(t, "1", budgets[0].Spec.MaxUnavailable.String())
			policies := slices.DeleteFunc(slices.Clone(m.policies), func(p networkingv1.NetworkPolicy) bool { return !selects(t, &p.Spec.PodSelector, w.labels) })
			require.Len(t, policies, 1, w.meta.Name)
			require.Contains(t, policies[0].Spec.PolicyTypes, networkingv1.PolicyTypeIngress)
			for _, rule := range policies[0].Spec.Ingress {
				require.NotEmpty(t, rule.From, "%s: everybody may call %v", w.meta.Name, rule.Ports)
				for _, p := range rule.Ports {
					require.True(t, hasPort(w, p.Port.StrVal), "%s: %s", w.meta.Name, p.Port)
				}
			}
			for _, spread := range w.pod.TopologySpreadConstraints {
				require.True(t, selects(t, spread.LabelSelector, w.labels), w.meta.Name)
			}
			require.True(t, slices.ContainsFunc(m.accounts, func(a corev1.ServiceAccount) bool {
				return a.Name == w.pod.ServiceAccountName && !*a.AutomountServiceAccountToken
			}), w.meta.Name)
		}
		for _, b := range m.budgets {
			require.Equal(t, 1, m.selected(func(w workload) bool { return selects(t, b.Spec.Selector, w.labels) }), b.Name)
		}
	}
}

func TestServicesAndTheIngressLeadToPorts(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"example", "versioned", "encrypted"} {
		m := render(t, name)
		require.NotEmpty(t, m.services)
		ports := map[string]bool{}
		for _, s := range m.services {
			for _, p := range s.Spec.Ports {
				ports[s.Name+":"+p.Name] = true
				require.Equal(t, 1, m.selected(func(w workload) bool {
					return selects(t, &metav1.LabelSelector{MatchLabels: s.Spec.Selector}, w.labels) && hasPort(w, p.TargetPort.StrVal)
				}), s.Name)
			}
		}
		require.Len(t, m.ingresses, 1)
		backend := m.ingresses[0].Spec.Rules[0].HTTP.Paths[0].Backend.Service
		require.True(t, ports[backend.Name+":"+backend.Port.Name])
		require.Equal(t, "https://"+m.ingresses[0].Spec.Rules[0].Host, m.anySettings(t)["DPA_CALLBACK_URL"])
		require.Equal(t, m.ingresses[0].Spec.TLS[0].Hosts, []string{m.ingresses[0].Spec.Rules[0].Host})
	}
}

func TestTwoVersionsOfTheWorkerStandBesideEachOther(t *testing.T) {
	t.Parallel()
	m := render(t, "versioned")
	versions := map[string]string{}
	for _, w := range m.workloads {
		if program(w) != "worker" {
			continue
		}
		cfg, err := config.LoadWorker(m.start(t, w).lookup, false)
		require.NoError(t, err)
		require.Equal(t, "dpaflow", cfg.DeploymentName)
		require.Equal(t, cfg.BuildID, w.labels["app.kubernetes.io/version"])
		require.Equal(t, "registry.example/dpaflow-worker:"+cfg.BuildID, w.pod.Containers[0].Image)
		versions[w.meta.Name] = cfg.BuildID
	}
	require.Equal(t, map[string]string{"dpaflow-worker-v1": "v1", "dpaflow-worker-v2": "v2"}, versions)
}
