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
		`example.com/tier ends with 'two'`:   true,
		`example.com/tier contains 'x'`:      false,
		`none contains ''`:                   false,
		`none starts with ''`:                false,
		`none ends with ''`:                  false,
		`none in {''}`:                       false,
		`app not in {'a' , "b"}`:             true,
		`app not in {'a', 'web', 'b'}`:       false,
		`app in {'a','b','web',}`:            true,
		`app != 'web'`:                       false,
		`global()`:                           true,
		`!all()`:                             false,
		`all() && has(app)`:                  true,
		`app starts 'web'`:                   false,
		`app not 'web'`:                      false,
		`has(app`:                            false,
		`has app`:                            false,
		`all(`:                               false,
		`app in 'web'}`:                      false,
		`app == 'web' ||`:                    false,
		`!`:                                  false,
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
