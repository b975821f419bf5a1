package platform

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/registry"
)

// referenceUsesEvery is how often it is written down how reference tokens were used. A
// crash loses that much of it.
const referenceUsesEvery = 10 * time.Second

// keepReferenceUses writes it down until ctx ends, and then what is left.
func (i *Instance) keepReferenceUses(ctx context.Context) {
	i.keepDoing(ctx, referenceUsesEvery, "how reference tokens were used", i.WriteReferenceUses, i.WriteReferenceUses)
}

// WriteReferenceUses does at once what Run does every ten seconds: it writes down how
// reference tokens were used.
func (i *Instance) WriteReferenceUses(ctx context.Context) error {
	uses := i.Registry.TakeReferenceUses()
	err := i.references.ReferencesUsed(ctx, uses)
	if err != nil {
		i.Registry.PutBackReferenceUses(uses)
	}
	return err
}

func (i *Instance) purgeReferences(ctx context.Context) error {
	now := i.config.Clock.Now()
	return i.references.PurgeReferences(ctx, now.Add(-registry.ReferencesKept), now.Add(-registry.ReferencePlacesKept))
}

type followedReferences struct {
	*data.References
	follower
}

// RevokeReference implements [registry.ReferenceStore].
func (s followedReferences) RevokeReference(ctx context.Context, id, by string, at time.Time) (bool, error) {
	revoked, err := s.References.RevokeReference(ctx, id, by, at)
	return revoked, s.follow(ctx, err)
}

// ReplaceReference implements [registry.ReferenceStore].
func (s followedReferences) ReplaceReference(
	ctx context.Context, id string, until time.Time, successor tandem.ReferenceToken, hash [sha256.Size]byte, most int,
) error {
	return s.follow(ctx, s.References.ReplaceReference(ctx, id, until, successor, hash, most))
}
