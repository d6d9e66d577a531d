package server

import (
	"context"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/config"
	"github.com/slipway-os/slipway/runtime/render"
	"github.com/slipway-os/slipway/runtime/store"
)

// getModel answers with everything, or with what begins with a prefix. As with
// Bottlerocket, a prefix that ends within "settings" or "services" means all
// of it.
func (s *Server) getModel(w http.ResponseWriter, r *http.Request) error {
	m, err := s.manager()
	if err != nil {
		return err
	}
	q := r.URL.Query()
	prefix := q.Get("prefix")
	if q.Has("prefix") && prefix == "" {
		return problem(http.StatusBadRequest, "prefix", "is empty")
	}
	var model api.Model
	if p, ok := within("settings.", prefix); ok {
		model.Settings = m.Schema.Nest(withPrefix(s.live(r, m), p))
	}
	if p, ok := within("services.", prefix); ok {
		model.Services = keep(s.services(r.Context(), m), "services.", p)
	}
	if p, ok := within("configuration-files.", prefix); ok {
		model.ConfigurationFiles = keep(configurationFiles(m), "configuration-files.", p)
	}
	if p, ok := within("os.", prefix); ok {
		if model.OS, err = s.osFields(strings.TrimPrefix(p, "os.")); err != nil {
			return err
		}
	}
	return writeJSON(w, http.StatusOK, model)
}

// within tells whether anything of a part, "settings.", can begin with prefix,
// and with which prefix to look there.
func within(part, prefix string) (string, bool) {
	if strings.HasPrefix(part, prefix) {
		return part, true
	}
	return prefix, strings.HasPrefix(prefix, part)
}

// keep leaves the entries whose full name begins with prefix.
func keep[T any](all map[string]T, part, prefix string) map[string]T {
	maps.DeleteFunc(all, func(name string, _ T) bool { return !strings.HasPrefix(part+name, prefix) })
	return all
}

// selectNames leaves what the parameters names and prefix ask for.
func selectNames[T any](r *http.Request, all map[string]T, part string) (map[string]T, error) {
	names, err := listParam(r, "names")
	if err != nil {
		return nil, err
	}
	if names != nil {
		for _, n := range names {
			if _, ok := all[n]; !ok {
				return nil, problem(http.StatusNotFound, "names", "there is no %q", shorten(n))
			}
		}
		maps.DeleteFunc(all, func(name string, _ T) bool { return !slices.Contains(names, name) })
		return all, nil
	}
	q := r.URL.Query()
	if !q.Has("prefix") {
		return all, nil
	}
	if q.Get("prefix") == "" {
		return nil, problem(http.StatusBadRequest, "prefix", "is empty")
	}
	return keep(all, part, part+strings.TrimPrefix(q.Get("prefix"), part)), nil
}

// getServices answers with the units that settings restart or reload.
func (s *Server) getServices(w http.ResponseWriter, r *http.Request) error {
	m, err := s.manager()
	if err != nil {
		return err
	}
	services, err := selectNames(r, s.services(r.Context(), m), "services.")
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, services)
}

// services describes every unit that a template names. Their states are left
// out if systemd does not tell.
func (s *Server) services(ctx context.Context, m *config.Manager) map[string]api.Service {
	all := map[string]api.Service{}
	for _, t := range m.Templates.All() {
		for _, list := range []struct {
			verb  string
			units []string
		}{
			{"restart", t.Header.Restart}, {"try-restart", t.Header.TryRestart}, {"reload-or-try-restart", t.Header.Reload},
		} {
			for _, u := range list.units {
				service := all[u]
				service.ConfigurationFiles = append(service.ConfigurationFiles, t.Name)
				command := "systemctl " + list.verb + " " + u
				if !slices.Contains(service.RestartCommands, command) {
					service.RestartCommands = append(service.RestartCommands, command)
				}
				all[u] = service
			}
		}
	}
	s.addStates(ctx, all)
	return all
}

func (s *Server) addStates(ctx context.Context, all map[string]api.Service) {
	manager, err := s.Dial(ctx)
	if err != nil {
		s.Log.Warn("states of services", "error", err)
		return
	}
	defer manager.Close()
	for name, service := range all {
		state, err := manager.ActiveState(ctx, name)
		if err != nil {
			s.Log.Warn("states of services", "error", err)
			return
		}
		service.State = state
		all[name] = service
	}
}

// getConfigurationFiles answers with the files that are made of settings.
func (s *Server) getConfigurationFiles(w http.ResponseWriter, r *http.Request) error {
	m, err := s.manager()
	if err != nil {
		return err
	}
	files, err := selectNames(r, configurationFiles(m), "configuration-files.")
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, files)
}

func configurationFiles(m *config.Manager) map[string]api.ConfigurationFile {
	all := map[string]api.ConfigurationFile{}
	for _, t := range m.Templates.All() {
		all[t.Name] = api.ConfigurationFile{
			Path: t.Header.Path, TemplatePath: path.Join(render.Folder, t.Name+".tmpl"), Mode: t.Header.Mode,
		}
	}
	return all
}

// getAffectedServices answers for each key which units its change touches.
func (s *Server) getAffectedServices(w http.ResponseWriter, r *http.Request) error {
	return s.perKey(w, r, unitsOf)
}

// getTemplates answers for each key which templates read it.
func (s *Server) getTemplates(w http.ResponseWriter, r *http.Request) error {
	return s.perKey(w, r, func(t *render.Template) []string { return []string{t.Name} })
}

func (s *Server) perKey(w http.ResponseWriter, r *http.Request, of func(*render.Template) []string) error {
	m, err := s.manager()
	if err != nil {
		return err
	}
	keys, err := keysParam(r, m.Schema)
	if err != nil {
		return err
	}
	answer := map[string][]string{}
	for _, k := range keys {
		found := []string{}
		for _, t := range m.Templates.Affected([]string{k.String()}) {
			found = append(found, of(t)...)
		}
		slices.Sort(found)
		answer[fullKey(k.String())] = slices.Compact(found)
	}
	return writeJSON(w, http.StatusOK, answer)
}

// getSettingGenerators answers with the settings that nobody has set and that
// the host worked out.
func (s *Server) getSettingGenerators(w http.ResponseWriter, _ *http.Request) error {
	m, err := s.manager()
	if err != nil {
		return err
	}
	answer := map[string]api.Generator{}
	for key, e := range m.Store.Live() {
		if e.Source != store.SourceGenerator {
			continue
		}
		g := api.Generator{Command: "slipway settings-boot", Strength: "strong"}
		if e.Weak {
			g.Strength = "weak"
		}
		answer[fullKey(key)] = g
	}
	return writeJSON(w, http.StatusOK, answer)
}
