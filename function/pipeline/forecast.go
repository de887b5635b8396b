package pipeline

import (
	"context"

	"github.com/alquimistaai/aurora-migrator/function/lint"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// forecast is how long the statements that are still to run will take, where
// there are rates of them. It costs one look at the speed of the database, and
// only then.
func (w *walk) forecast(ctx context.Context, plan migration.Plan, facts map[string]migration.RelationFacts) map[lint.Place]migration.Forecast {
	if len(plan.Own) > 0 { // it goes on: nothing is decided by it any more
		return nil
	}
	rates := migration.ReadRates(w.files())
	known := map[lint.Place]migration.Rate{}
	for _, p := range plan.Todo() {
		for i := p.Applied(); i < len(p.Stmts); i++ {
			if rate, ok := rates.Find(p.File, i+1); ok {
				known[lint.Place{File: p.Name, Statement: i + 1}] = rate
			}
		}
	}
	if len(known) == 0 {
		return nil
	}
	speed := w.session.Speed(ctx, of(known, facts))
	if !speed.Known() {
		speed = w.session.Speed(ctx, facts)
	}
	forecasts := map[lint.Place]migration.Forecast{}
	for place, rate := range known {
		if f, ok := rate.Forecast(facts, speed); ok {
			forecasts[place] = f
		}
	}
	return forecasts
}

// of are the facts of the relations that have rates.
func of(rates map[lint.Place]migration.Rate, facts map[string]migration.RelationFacts) map[string]migration.RelationFacts {
	found := map[string]migration.RelationFacts{}
	for _, r := range rates {
		for _, name := range r.Relations {
			if f, ok := facts[name]; ok {
				found[name] = f
			}
		}
	}
	return found
}

// foretold stands for what a forecast said when the plan was made: where a server
// is a little faster by now, what the approval accepts of it has been found all
// the same.
func (w *walk) foretold(plan migration.Plan) {
	w.result.Findings = append(w.result.Findings, lint.Foretold(plan.Todo(), w.result.Findings, w.request.Approval.Accept)...)
}
