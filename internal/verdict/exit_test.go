package verdict

import "testing"

func TestCombine(t *testing.T) {
	for _, c := range []struct {
		codes []int
		want  int
	}{
		{nil, 0}, {[]int{0, 0}, 0}, {[]int{0, 5}, 5}, {[]int{5, 99}, 99}, {[]int{99, 1, 5}, 1}, {[]int{0, 1, 130, 99}, 130},
		{[]int{0, 3}, 3}, {[]int{2, 130}, 2}, {[]int{77, 0}, 1},
	} {
		if got := Combine(c.codes...); got != c.want {
			t.Errorf("Combine(%v) = %d, want %d", c.codes, got, c.want)
		}
	}
}
