package main

import (
	"math"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/runner/result"
)

// host describes the machine that generates the load, as far as it tells.
func host() result.Host {
	name, err := os.Hostname()
	if err != nil {
		name = ""
	}
	h := result.Host{Name: name, OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Go: runtime.Version()}
	h.CPULimit, h.Governor = cpuLimit(h.CPUs, os.ReadFile), governor(os.ReadFile)
	return h
}

// cpuLimit is how many CPUs the process may use: the tightest quota of its control
// group and those above it (v2 cpu.max, v1 cpu.cfs_quota_us), else all of them.
func cpuLimit(cpus int, read func(string) ([]byte, error)) float64 {
	limit := float64(cpus)
	for _, line := range strings.Split(readText(read, "/proc/self/cgroup"), "\n") {
		id, rest, _ := strings.Cut(line, ":")
		controllers, dir, ok := strings.Cut(rest, ":")
		switch {
		case !ok:
		case id == "0" && controllers == "":
			limit = math.Min(limit, tightest("/sys/fs/cgroup", dir, func(d string) string { return readText(read, d+"/cpu.max") }))
		case strings.Contains(","+controllers+",", ",cpu,"):
			limit = math.Min(limit, tightest("/sys/fs/cgroup/"+controllers, dir, func(d string) string {
				return readText(read, d+"/cpu.cfs_quota_us") + " " + readText(read, d+"/cpu.cfs_period_us")
			}))
		}
	}
	return limit
}

// tightest looks at dir and everything above it: a limit holds for what is below.
func tightest(root, dir string, quota func(dir string) string) float64 {
	limit := math.Inf(1)
	for {
		limit = math.Min(limit, quotaCPUs(quota(path.Join(root, dir))))
		if dir == "/" || dir == "." || dir == "" {
			return limit
		}
		dir = path.Dir(dir)
	}
}

// quotaCPUs reads "quota period" in microseconds; "max", -1 and nonsense are no limit.
func quotaCPUs(s string) float64 {
	f := strings.Fields(s)
	if len(f) != 2 {
		return math.Inf(1)
	}
	quota, err1 := strconv.ParseFloat(f[0], 64)
	period, err2 := strconv.ParseFloat(f[1], 64)
	if err1 != nil || err2 != nil || quota <= 0 || period <= 0 {
		return math.Inf(1)
	}
	return quota / period
}

// governor is the frequency governor of the first CPU, empty where there is none.
func governor(read func(string) ([]byte, error)) string {
	return readText(read, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
}

func readText(read func(string) ([]byte, error), name string) string {
	b, err := read(name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
