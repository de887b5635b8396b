package migration

import (
	"math"
	"slices"
)

// Median returns the middle of numbers above 0 and its standard error, as a part
// of it, which a few numbers far off do not change. Of no numbers it is 0, of one
// the error is 1.
func Median(numbers []float64) (middle, off float64) {
	if len(numbers) == 0 {
		return 0, 0
	}
	middle = median(numbers)
	if len(numbers) == 1 || middle == 0 {
		return middle, 1
	}
	var far []float64
	for _, n := range numbers {
		far = append(far, math.Abs(n-middle))
	}
	// 1.4826 times the median deviation is the standard deviation of what is
	// distributed normally, and 1.2533 times that of a mean is that of a median.
	return middle, 1.4826 * 1.2533 * median(far) / math.Sqrt(float64(len(numbers))) / middle
}

func median(numbers []float64) float64 {
	sorted := slices.Sorted(slices.Values(numbers))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}
