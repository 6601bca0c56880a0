package main

import (
	"context"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"sportello/booking/notify"
)

// noticesMetric tells how late the messages to citizens are. It is left out of a
// scrape for which PostgreSQL has no answer.
type noticesMetric struct {
	pool    *pgxpool.Pool
	overdue *prometheus.Desc
	log     *slog.Logger
}

func newNoticesMetric(pool *pgxpool.Pool, log *slog.Logger) *noticesMetric {
	return &noticesMetric{pool, prometheus.NewDesc("sportello_notices_overdue_seconds",
		"For how long the mail or text message that waits longest has been due; 0 where none waits.", nil, nil), log}
}

// Describe implements prometheus.Collector.
func (n *noticesMetric) Describe(out chan<- *prometheus.Desc) { out <- n.overdue }

// Collect implements prometheus.Collector.
func (n *noticesMetric) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), pingTimeout)
	defer cancel()
	late, err := notify.Overdue(ctx, n.pool)
	if err != nil {
		n.log.WarnContext(ctx, "no figure of the notices", "error", err)
		return
	}
	out <- prometheus.MustNewConstMetric(n.overdue, prometheus.GaugeValue, late.Seconds())
}
