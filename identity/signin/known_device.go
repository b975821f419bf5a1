package signin

import (
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
)

const (
	// deviceLifetime is how long a device is known after its last sign-in.
	deviceLifetime = 180 * 24 * time.Hour
	// maxDeviceLogins is how many people a device is known for, the latest.
	maxDeviceLogins = 8
)

// device is a browser with which people have signed in: a sealed cookie that
// outlives every session, because it opens nothing. All it does is to have
// wrong passwords counted for itself ([Throttling]), so that nobody who does
// not have it can make its people wait.
type device struct {
	ID string `json:"id"`
	// Logins are those who signed in with it, the latest last, as typed and
	// normalized.
	Logins []string `json:"l"`
	At     int64    `json:"at"` // of the last sign-in, in Unix seconds
}

func (d *device) knows(login string) bool { return slices.Contains(d.Logins, login) }

// device reads the device of a request.
func (h *Handler) device(r *http.Request) (device, bool) {
	var d device
	c, err := r.Cookie(h.cookieName(deviceCookie))
	if err != nil || !h.opened(c.Value, placeDevice, &d) || !h.fresh(d.At, deviceLifetime) {
		return device{}, false
	}
	return d, true
}

// keepDevice makes the browser one that the login is known from.
func (h *Handler) keepDevice(w http.ResponseWriter, r *http.Request, login string) error {
	d, known := h.device(r)
	if !known {
		d.ID = uuid.NewString()
	}
	d.Logins = append(slices.DeleteFunc(d.Logins, func(l string) bool { return l == login }), login)
	d.Logins = d.Logins[max(0, len(d.Logins)-maxDeviceLogins):]
	d.At = h.Clock.Now().Unix()
	value, err := h.sealed(d, placeDevice)
	if err != nil {
		return err
	}
	h.setCookie(w, deviceCookie, value, deviceLifetime)
	return nil
}
