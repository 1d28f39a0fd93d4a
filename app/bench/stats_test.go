package bench_test

import (
	"math"
	"slices"
	"time"
)

// quantile of a sample, q between 0 and 1; zero for an empty one.
func quantile(sample []time.Duration, q float64) time.Duration {
	if len(sample) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(sample))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// sameDistribution is the two-sided p-value of the Mann–Whitney rank test by its normal
// approximation: how likely two samples of one distribution differ this much. Below
// 0.05, the two count as different.
func sameDistribution(a, b []time.Duration) float64 {
	type ranked struct {
		d     time.Duration
		fromA bool
	}
	all := make([]ranked, 0, len(a)+len(b))
	for _, d := range a {
		all = append(all, ranked{d, true})
	}
	for _, d := range b {
		all = append(all, ranked{d, false})
	}
	slices.SortFunc(all, func(x, y ranked) int { return int(x.d - y.d) })
	rankSum := 0.0
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].d == all[i].d {
			j++
		}
		rank := float64(i+j+1) / 2 // ties share the middle of their ranks
		for ; i < j; i++ {
			if all[i].fromA {
				rankSum += rank
			}
		}
	}
	n, m := float64(len(a)), float64(len(b))
	u := rankSum - n*(n+1)/2
	z := math.Abs(u-n*m/2) / math.Sqrt(n*m*(n+m+1)/12)
	return math.Erfc(z / math.Sqrt2)
}
