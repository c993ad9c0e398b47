package main

import (
	"io/fs"
	"testing"
)

func files(m map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		s, ok := m[name]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return []byte(s), nil
	}
}

func TestCPULimit(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  float64
	}{
		{"no control groups", nil, 8},
		{"v2 without a limit", map[string]string{"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "max 100000\n"}, 8},
		{"v2 at the root of a container", map[string]string{"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5},
		{"v2, the parent is tighter", map[string]string{"/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/b/cpu.max": "400000 100000", "/sys/fs/cgroup/a/cpu.max": "200000 100000"}, 2},
		{"v1", map[string]string{"/proc/self/cgroup": "4:cpu,cpuacct:/x\n1:memory:/y\n", "/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us": "50000", "/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": "100000"}, .5},
		{"v1 without a limit", map[string]string{"/proc/self/cgroup": "4:cpu:/\n", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"}, 8},
		{"a quota above the machine", map[string]string{"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "1600000 100000"}, 8},
		{"nonsense", map[string]string{"/proc/self/cgroup": "0::/\nxx\n", "/sys/fs/cgroup/cpu.max": "many few"}, 8},
	} {
		if got := cpuLimit(8, files(c.files)); got != c.want {
			t.Errorf("%s: %g CPUs, want %g", c.name, got, c.want)
		}
	}
}

func TestHostIsDescribed(t *testing.T) {
	h := host()
	if h.CPUs < 1 || !(h.CPULimit > 0) || h.CPULimit > float64(h.CPUs) || h.Go == "" || h.OS == "" {
		t.Errorf("host: %+v", h)
	}
	if got := governor(files(map[string]string{"/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n"})); got != "powersave" {
		t.Errorf("governor %q", got)
	}
}
