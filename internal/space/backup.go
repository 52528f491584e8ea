package space

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// BackupConfig is a SharedBackupConfig, or a SpaceBackupConfig, which has no
// namespace.
type BackupConfig struct {
	Meta Meta `json:"metadata"`
	Spec struct {
		ObjectStorage struct {
			Provider string `json:"provider"`
			Bucket   string `json:"bucket"`
			Prefix   string `json:"prefix"`
			// Config is free-form, in the format of Thanos objstore. It may have keys, so it
			// is never printed.
			Config      map[string]any `json:"config"`
			Credentials struct {
				Source string `json:"source"`
			} `json:"credentials"`
		} `json:"objectStorage"`
	} `json:"spec"`
}

// Backup is a Backup of one control plane, or a SpaceBackup of the whole Space.
type Backup struct {
	Meta Meta `json:"metadata"`
	Spec struct {
		ControlPlane string `json:"controlPlane"`
		ConfigRef    named  `json:"configRef"`
	} `json:"spec"`
	Status struct {
		Phase string `json:"phase"`
	} `json:"status"`
}

// Schedule is a BackupSchedule of one control plane, or a SharedBackupSchedule of those
// that a selector selects, or a SpaceBackupSchedule of the whole Space.
type Schedule struct {
	Meta Meta `json:"metadata"`
	Spec struct {
		ControlPlane string `json:"controlPlane"`
		Suspend      bool   `json:"suspend"`
		ConfigRef    named  `json:"configRef"`
		Selector     struct {
			Names  []string               `json:"names"`
			Labels []metav1.LabelSelector `json:"labelSelectors"`
		} `json:"controlPlaneSelector"`
	} `json:"spec"`
}

// Selects reports whether the schedule backs up a control plane.
func (s Schedule) Selects(p ControlPlane) bool {
	if s.Meta.Namespace != p.Namespace || s.Spec.Suspend {
		return false
	}
	if s.Spec.ControlPlane == p.Name || slices.Contains(s.Spec.Selector.Names, p.Name) {
		return true
	}
	return slices.ContainsFunc(s.Spec.Selector.Labels, func(l metav1.LabelSelector) bool {
		selector, err := metav1.LabelSelectorAsSelector(&l)
		return err == nil && selector.Matches(labels.Set(p.Labels))
	})
}

// SchedulesOf returns the schedules that back up each of the control planes, in their order,
// by the ControlPlane object. Only those with label selectors are compared with every control
// plane.
func SchedulesOf(planes []ControlPlane, schedules []Schedule) map[Key][]Schedule {
	inGroup, named := map[string][]ControlPlane{}, map[Key]ControlPlane{}
	for _, p := range planes {
		inGroup[p.Namespace] = append(inGroup[p.Namespace], p)
		named[Key{p.Namespace, p.Name}] = p
	}
	all := map[Key][]Schedule{}
	for _, s := range schedules {
		candidates := inGroup[s.Meta.Namespace]
		if len(s.Spec.Selector.Labels) == 0 {
			candidates = nil
			for _, name := range slices.Compact(slices.Sorted(slices.Values(append([]string{s.Spec.ControlPlane}, s.Spec.Selector.Names...)))) {
				if p, known := named[Key{s.Meta.Namespace, name}]; known {
					candidates = append(candidates, p)
				}
			}
		}
		for _, p := range candidates {
			if s.Selects(p) {
				at := Key{p.Namespace, p.Name}
				all[at] = append(all[at], s)
			}
		}
	}
	return all
}

// SecretStore is a SharedSecretStore with the part of its AWS provider that is read.
type SecretStore struct {
	Meta Meta `json:"metadata"`
	Spec struct {
		Provider struct {
			AWS *struct {
				Auth struct {
					JWT *struct {
						Ref *named `json:"serviceAccountRef"`
					} `json:"jwt"`
				} `json:"auth"`
			} `json:"aws"`
		} `json:"provider"`
	} `json:"spec"`
}

// ServiceAccount returns the service account whose token the store requests, or "".
func (s SecretStore) ServiceAccount() string {
	if aws := s.Spec.Provider.AWS; aws != nil && aws.Auth.JWT != nil && aws.Auth.JWT.Ref != nil {
		return aws.Auth.JWT.Ref.Name
	}
	return ""
}
