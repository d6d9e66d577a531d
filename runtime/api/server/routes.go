package server

import (
	"net/http"
	"slices"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/audit"
)

// routes lists all that the API does.
func (s *Server) routes() []Route {
	all := slices.Concat(s.hostRoutes(), s.settingsRoutes(), s.txRoutes(), s.metadataRoutes(), s.supportRoutes(), s.updateRoutes(), s.More)
	self := Route{
		Method: http.MethodGet, Path: api.PathOpenAPI, Summary: "This document.",
		Answers: []Content{{Status: 200, Doc: "OpenAPI 3.1", Value: map[string]any{}}},
	}
	self.Handle = s.getOpenAPI(append(slices.Clone(all), self))
	return append(all, self)
}

func (s *Server) hostRoutes() []Route {
	gate := make(chan struct{}, maxJournals)
	return []Route{
		{
			Method: http.MethodGet, Path: api.PathOS, Summary: "What runs on this host.", Handle: s.getOS,
			Params:  []Param{paramPrefix("os. before it may be left out")},
			Answers: []Content{{Status: 200, Doc: "with a prefix, only some of the fields", Value: api.OS{}}},
		},
		{
			Method: http.MethodGet, Path: api.PathHealth, Summary: "Whether the host is well.", Handle: s.getHealth,
			Answers: []Content{{Status: 200, Doc: "it is", Value: api.Health{}}, {Status: 503, Doc: "it is not, or not yet", Value: api.Health{}}},
		},
		{
			Method: http.MethodGet, Path: api.PathJournal, Summary: "The journal.", Params: journalParams,
			Answers: []Content{{Status: 200, Doc: "one object a line, as journalctl -o json prints it", Type: "application/jsonl"}},
			Handle:  func(w http.ResponseWriter, r *http.Request) error { return s.getJournal(gate, w, r) },
		},
		{
			Method: http.MethodPost, Path: api.PathReboot, Summary: "Restart the host.", Handle: s.postReboot,
			Answers: []Content{{Status: 202, Doc: "the restart is queued", Value: map[string]any{}}},
		},
	}
}

func (s *Server) settingsRoutes() []Route {
	staged := []Content{{Status: 204, Doc: "it is in the transaction"}}
	return []Route{
		{
			Method: http.MethodGet, Path: api.PathModel, Summary: "Settings, services, configuration files and os.", Handle: s.getModel,
			Params:  []Param{paramPrefix("such as settings.ntp")},
			Answers: []Content{{Status: 200, Doc: "the parts that there are", Value: api.Model{}}},
		},
		{
			Method: http.MethodGet, Path: api.PathSettings, Summary: "The settings in force.", Handle: s.getSettings,
			Params:  []Param{paramKeys("only these settings or groups; wins over prefix"), paramPrefix("settings. before it may be left out")},
			Answers: []Content{{Status: 200, Doc: "settings", Value: settingsDoc{}}},
		},
		{
			Method: http.MethodPatch, Path: api.PathSettings, Summary: "Put settings into a transaction.", Handle: s.patchSettings,
			Params: []Param{paramTx, paramSource}, Body: &Content{Doc: "settings", Value: settingsDoc{}}, Answers: staged,
		},
		{
			Method: http.MethodDelete, Path: api.PathSettings, Summary: "Put the removal of settings into a transaction: their defaults come back.", Handle: s.deleteSettings,
			Params:  []Param{paramTx, {Name: "keys", Type: "string", List: true, Required: true, Doc: "settings or groups"}},
			Answers: staged,
		},
		{
			Method: http.MethodPatch, Path: api.PathKeypair, Summary: "Put settings that are written KEY=VALUE into a transaction.", Handle: s.patchKeypair,
			Params: []Param{paramTx}, Body: &Content{Doc: "pairs", Value: api.Keypair{}}, Answers: staged,
		},
	}
}

func (s *Server) txRoutes() []Route {
	keys := []Content{{Status: 200, Doc: "the keys", Value: []string{}}}
	changed := []Content{{Status: 200, Doc: "the keys that changed; with dry-run a Diff", Value: []string{}}}
	return []Route{
		{
			Method: http.MethodGet, Path: api.PathTx, Summary: "What a transaction would set.", Handle: s.getTx,
			Params: []Param{paramTx}, Answers: []Content{{Status: 200, Doc: "settings", Value: settingsDoc{}}},
		},
		{Method: http.MethodDelete, Path: api.PathTx, Summary: "Drop a transaction.", Handle: s.deleteTx, Params: []Param{paramTx}, Answers: keys},
		{
			Method: http.MethodGet, Path: api.PathTxList, Summary: "Transactions that hold something.", Handle: s.listTx,
			Answers: []Content{{Status: 200, Doc: "their names", Value: []string{}}},
		},
		{
			Method: http.MethodGet, Path: api.PathTxDiff, Summary: "What committing a transaction would change.", Handle: s.getTxDiff,
			Params: []Param{paramTx}, Answers: []Content{{Status: 200, Doc: "whether valid or not", Value: api.Diff{}}},
		},
		{
			Method: http.MethodPost, Path: api.PathTxCommit, Summary: "Put a transaction in force; files and units follow at the next apply or boot.",
			Params: []Param{paramTx, paramDryRun}, Answers: changed, Handle: s.commit(false),
		},
		{
			Method: http.MethodPost, Path: api.PathTxApply, Summary: "Make files of the settings in force and restart what uses them.", Handle: s.applyKeys,
			Params:  []Param{paramKeys("only what depends on these settings or groups")},
			Answers: []Content{{Status: 204, Doc: "done"}},
		},
		{
			Method: http.MethodPost, Path: api.PathTxCommitAndApply, Summary: "Commit a transaction and apply what it changed.",
			Params: []Param{paramTx, paramDryRun, paramSource}, Answers: changed, Handle: s.commit(true),
		},
		{
			Method: http.MethodPost, Path: api.PathTxTry, Summary: "Commit and apply a transaction, and take it back unless it is confirmed.", Handle: s.postTry,
			Params:  []Param{paramTx, {Name: "timeout", Type: "string", Doc: "from 1s to 1h, 60s if it is missing"}},
			Answers: []Content{{Status: 200, Doc: "the change is in force", Value: api.Try{}}},
		},
		{
			Method: http.MethodGet, Path: api.PathTxTry, Summary: "Whether a change waits to be confirmed.", Handle: s.getTry,
			Answers: []Content{{Status: 200, Doc: "the change, if there is one", Value: api.Try{}}},
		},
		{Method: http.MethodPost, Path: api.PathTxConfirm, Summary: "Keep the change that is on trial.", Handle: s.postConfirm, Answers: keys},
		{Method: http.MethodPost, Path: api.PathTxRevert, Summary: "Take the change that is on trial back now.", Handle: s.postRevert, Answers: keys},
	}
}

func (s *Server) metadataRoutes() []Route {
	requiredKeys := Param{Name: "keys", Type: "string", List: true, Required: true, Doc: "settings or groups"}
	perKey := []Content{{Status: 200, Doc: "names by key", Value: map[string][]string{}}}
	return []Route{
		{
			Method: http.MethodGet, Path: api.PathServices, Summary: "Units that depend on settings.", Handle: s.getServices,
			Params:  []Param{paramNames, paramPrefix("services. before it may be left out")},
			Answers: []Content{{Status: 200, Doc: "units by name", Value: map[string]api.Service{}}},
		},
		{
			Method: http.MethodGet, Path: api.PathConfigurationFiles, Summary: "Files that are made of settings.", Handle: s.getConfigurationFiles,
			Params:  []Param{paramNames, paramPrefix("configuration-files. before it may be left out")},
			Answers: []Content{{Status: 200, Doc: "files by name", Value: map[string]api.ConfigurationFile{}}},
		},
		{
			Method: http.MethodGet, Path: api.PathAffectedServices, Summary: "Units that settings affect.",
			Params: []Param{requiredKeys}, Answers: perKey, Handle: s.getAffectedServices,
		},
		{
			Method: http.MethodGet, Path: api.PathTemplates, Summary: "Templates that read settings.",
			Params: []Param{requiredKeys}, Answers: perKey, Handle: s.getTemplates,
		},
		{
			Method: http.MethodGet, Path: api.PathSettingGenerators, Summary: "Settings that the host works out itself.", Handle: s.getSettingGenerators,
			Answers: []Content{{Status: 200, Doc: "generators by key", Value: map[string]api.Generator{}}},
		},
	}
}

func (s *Server) supportRoutes() []Route {
	return []Route{
		{
			Method: http.MethodGet, Path: api.PathAudit, Summary: "Who changed what, the oldest first.", Handle: s.getAudit,
			Params: []Param{
				{Name: "from", Type: "integer", Doc: "from this record on; without it the last ones"},
				{Name: "lines", Type: "integer", Doc: "at most so many"},
			},
			Answers: []Content{{Status: 200, Doc: "records", Value: audit.Page{}}},
		},
		{
			Method: http.MethodGet, Path: api.PathMetrics, Summary: "Figures of this host, in Prometheus text.", Handle: s.metricsHandler(),
			Answers: []Content{{Status: 200, Doc: "figures", Type: "text/plain"}},
		},
		{
			Method: http.MethodGet, Path: api.PathReports, Summary: "Reports that there are.", Handle: s.getReports,
			Answers: []Content{{Status: 200, Doc: "at " + api.PathReports + "/NAME", Value: []api.Report{}}},
		},
		{
			Method: http.MethodGet, Path: api.PathSupport, Summary: "Everything that helps to find out what is wrong, without secrets.", Handle: s.supportHandler(),
			Answers: []Content{{Status: 200, Doc: "a tar file", Type: "application/gzip"}},
		},
	}
}
