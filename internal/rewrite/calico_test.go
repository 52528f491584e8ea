package rewrite

import "testing"

func TestCalicoSelectorsMatch(t *testing.T) {
	labels := map[string]string{"app": "web", "example.com/tier": "one-two"}
	for selector, want := range map[string]bool{
		``:                                   true,
		`all()`:                              true,
		`app == "web"`:                       true,
		`app=='web'`:                         true,
		`app == 'other'`:                     false,
		`none == ''`:                         false,
		`app != 'other'`:                     true,
		`none != 'x'`:                        true,
		`has(app)`:                           true,
		`!has(app)`:                          false,
		`has(example.com/tier)`:              true,
		`has(none) || app == 'web'`:          true,
		`has(none) && app == 'web'`:          false,
		`app == 'web' || has(a) && has(b)`:   true,
		`(app == 'web' || has(a)) && has(b)`: false,
		`!(has(none) || has(other))`:         true,
		`app in {'a', "web"}`:                true,
		`app in {}`:                          false,
		`app not in {'web'}`:                 false,
		`none not in {'web'}`:                true,
		`example.com/tier starts with 'one'`: true,
		`example.com/tier ends with 'one'`:   false,
		`example.com/tier contains 'e-t'`:    true,
		`app == `:                            false,
		`app = 'web'`:                        false,
		`app == 'web' has(app)`:              false,
		`(app == 'web'`:                      false,
		`app in {'web'`:                      false,
		`%`:                                  false,
	} {
		t.Run(selector, func(t *testing.T) {
			if got := matchesCalico(selector, labels); got != want {
				t.Errorf("matches is %t, want %t", got, want)
			}
		})
	}
}
