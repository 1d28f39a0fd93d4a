package main

import (
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"syscall"
)

// The benchmark adds this file to the service it builds: the first SIGUSR1
// begins a profile of its processor time, the second writes it to $CPU_PROFILE.
func init() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	go func() {
		<-asked
		file, err := os.Create(os.Getenv("CPU_PROFILE") + ".part")
		if err != nil {
			panic(err)
		}
		runtime.SetCPUProfileRate(250) // as fine as a kernel tick; what pprof says to it on stderr is no error
		if err := pprof.StartCPUProfile(file); err != nil {
			panic(err)
		}
		<-asked
		pprof.StopCPUProfile()
		if err := os.Rename(file.Name(), os.Getenv("CPU_PROFILE")); err != nil {
			panic(err)
		}
	}()
}
