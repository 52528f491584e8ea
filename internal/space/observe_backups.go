package space

import "context"

func (o *spaceObserver) readBackupConfigs(ctx context.Context) error {
	seen := map[Key]bool{}
	addConfig := func(b BackupConfig) {
		if at := (Key{b.Meta.Namespace, b.Meta.Name}); !seen[at] {
			seen[at] = true
			o.BackupConfigs[b.Meta.Namespace] = append(o.BackupConfigs[b.Meta.Namespace], b)
		}
	}
	if o.wanted.Backups {
		if err := listAll(ctx, o, SharedBackupConfigs, "", o.groups(), addConfig); err != nil {
			return err
		}
	}
	if o.wanted.Backups || o.wanted.SpaceBackups {
		return listAll(ctx, o, SpaceBackupConfigs, "", nil, addConfig)
	}
	return nil
}

func (o *spaceObserver) readBackups(ctx context.Context) error {
	if !o.wanted.Backups {
		return nil
	}
	planes := map[Key]bool{}
	for _, p := range o.ControlPlanes {
		planes[Key{p.Namespace, p.Name}] = p.Name != ""
	}
	namespaces := o.groups()
	if err := o.readSchedules(ctx, namespaces); err != nil {
		return err
	}
	return listAll(ctx, o, Backups, "", namespaces, func(b Backup) {
		of := Key{b.Meta.Namespace, b.Spec.ControlPlane}
		last, seen := o.Backups[of]
		if planes[of] && b.Status.Phase != "Deleted" && (!seen || b.Meta.Created.After(last.Meta.Created)) {
			o.Backups[of] = b
		}
	})
}

func (o *spaceObserver) readSpaceBackups(ctx context.Context) error {
	if !o.wanted.SpaceBackups {
		return nil
	}
	err := listAll(ctx, o, SpaceSchedules, "", nil, func(s Schedule) {
		if !s.Spec.Suspend {
			o.SpaceSchedules = append(o.SpaceSchedules, s)
		}
	})
	if err != nil {
		return err
	}
	return listAll(ctx, o, SpaceBackups, "", nil, func(b Backup) {
		if b.Status.Phase != "Deleted" && (o.SpaceBackup == nil || b.Meta.Created.After(o.SpaceBackup.Meta.Created)) {
			o.SpaceBackup = &b
		}
	})
}

func (o *spaceObserver) readSchedules(ctx context.Context, namespaces []string) error {
	for _, r := range []Resource{BackupSchedules, SharedSchedules} {
		err := listAll(ctx, o, r, "", namespaces, func(s Schedule) {
			if !s.Spec.Suspend {
				o.Schedules = append(o.Schedules, s)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}
