package bench_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"hasura-login/app/testserver"
)

// asHasura is the niceness of a group that weighs twice login's, as Hasura's does.
const asHasura = 6

// BenchmarkBusyNeighbour floods the service while another process keeps one core busy,
// and asks its cheap endpoints. Fair is what a program of the neighbour's own priority and
// weight can hash at the same time.
func BenchmarkBusyNeighbour(b *testing.B) {
	cores := runtime.NumCPU()
	r := &report{heading: "A busy neighbour", intro: "Another process keeps one core busy all the time. What is fair is measured with bcrypt at the priority and weight of that neighbour, next to it."}
	for _, place := range []struct {
		name               string
		ownGroup           bool
		service, neighbour int // niceness of their groups
	}{
		{"weights of the containers", true, asContainer, asHasura},
		{"groups of the same weight", true, alike, alike},
		{"one group", false, alike, alike},
	} {
		s := beginIn(b, place.ownGroup)
		s.signUpAll()
		busy := exec.Command("sh", "-c", "while :; do :; done")
		busy.SysProcAttr = &syscall.SysProcAttr{Setsid: place.ownGroup}
		neighbour := testserver.StartQuiet(b, busy)
		if place.ownGroup {
			s.weigh(place.service)
			check(b, os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", neighbour.Pid()), fmt.Append(nil, place.neighbour), 0))
		}
		s.measureFairShare(r, cores, place.name, place.neighbour)
		apart := &report{}
		s.measureNeighbours(apart)
		for _, line := range apart.lines {
			r.lines = append(r.lines, "| "+place.name+": "+line[len("| "):])
		}
		neighbour.Kill()
		s.process.Stop()
	}
	r.write(b)
}

func (s *subject) measureFairShare(r *report, cores int, place string, niceness int) {
	fair := func() float64 {
		weighOwn(s.b, niceness)
		defer weighOwn(s.b, alike)
		return bcryptBound(cores, 3*time.Second)
	}
	var ratios, goods, nets, refused []float64
	for range rounds {
		before := fair()
		var all []outcome
		share, took := shareOf(cores, func() { all = openLoop(before*floodFactor, floodFor, s.signIn) })
		time.Sleep(2 * time.Second) // for what still waits
		net := (before + fair()) / 2 * (1 - share)
		good := float64(len(pick(all, isGood))) / took.Seconds()
		ratios, goods, nets = append(ratios, good/net), append(goods, good), append(nets, net)
		refused = append(refused, millis(quantile(pick(all, isRefused), 0.99)))
	}
	r.add(place+": successful sign-ins in a flood", fmt.Sprintf("%.1f/s of %.1f/s that are fair; refusals' p99 %.1f ms", median(goods), median(nets), median(refused)), fmt.Sprintf("%.2f", median(ratios)), "≥ 0.9")
}

// weighOwn gives the scheduling group of the benchmark itself a weight.
func weighOwn(b *testing.B, niceness int) {
	b.Helper()
	check(b, os.WriteFile("/proc/self/autogroup", fmt.Append(nil, niceness), 0))
}
