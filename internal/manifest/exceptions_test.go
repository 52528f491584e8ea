package manifest

import "strings"

// suiteExceptions are the cases of the YAML test suite with which the package
// does not do what YAML 1.2 says. All of them are the YAML library's, which is
// Helm's and kubectl's too, so that nothing of the kind reaches a cluster.
var suiteExceptions = exceptions(
	because{refused, "the library takes no tab behind an indicator, at the start of a line or on an otherwise empty one",
		"6BCT 6CA3 A2M4 DK95-00 DK95-03 DK95-04 DK95-07 Q5MG Y79Y-10"},
	because{refused, "the library takes no tab where a block scalar's indentation is still to be found",
		"96NN-00 96NN-01 R4YG Y79Y-01"},
	because{refused, "the library wants a key in braces, its colon and what follows it on one line, and no colon at the start of a value",
		"4MUZ-00 4MUZ-01 4MUZ-02 58MP 5MUD 5T43 9SA2 CFD4 DBG4 FRK4 HM87-00 K3WX NJ66 VJP3-01 WZ62"},
	because{refused, "the library takes no empty key",
		"2JQS 6M2F M2N8-00 NHX8 NKF9 S3PD SM9W-01 UKK6-00"},
	because{refused, "the library takes no text without indentation in a block scalar at the root",
		"DK3J FP8R"},
	because{refused, "the library knows anchors of ASCII letters, digits, - and _ alone",
		"2SXE 8XYN W5VH"},
	because{refused, "the library takes % at the start of a line for a directive wherever it stands, and knows no directive but %YAML and %TAG",
		"2LFX 6LVF MUS6-05 UT92 W4TN ZYU8-01"},
	because{refused, "the library wants content or --- before ...",
		"HWV9 M7A3 QT73"},

	because{accepted, "the library lets a flow collection or a quoted scalar go on with less indentation, or with a tab",
		"9C9N DK95-01 QB6E Y79Y-03"},
	because{accepted, "the library takes # for a comment without a blank before it",
		"9JBA CVW2 SU5Z X4QW"},
	because{accepted, "the library lets a directive stand without a document; we hide the version directive from it and never read what follows",
		"9MMA H7TQ MUS6-00"},
	because{accepted, "the library takes a dash in brackets for a text",
		"G5U8 YJV2"},
	because{accepted, `the library knows \' as an escape`,
		"HRE5"},
	because{accepted, "the library lets blank lines of a block scalar be indented more than its text",
		"S98Z"},

	because{unread, `the library does not know \/, JSON's escape for a slash`,
		"3UYS"},
	because{unread, "the library takes ? within a text in brackets for an indicator",
		"JR7V"},
)

// ownExceptions are those of our own cases, which are chosen not to need any.
var ownExceptions = exceptions()

// because is one reason for the exceptions of several cases.
type because struct{ what, reason, cases string }

func exceptions(groups ...because) map[string]exception {
	all := map[string]exception{}
	for _, g := range groups {
		for name := range strings.FieldsSeq(g.cases) {
			all[name] = exception{g.what, g.reason}
		}
	}
	return all
}
