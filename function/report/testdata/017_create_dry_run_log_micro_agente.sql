-- Auditoria das execuções em modo dry run do micro agente de agendamento.
CREATE TABLE "public"."dry_run_log" (
  "log_id" uuid NOT NULL DEFAULT gen_random_uuid(),
  "tenant_id" uuid NOT NULL,
  "lead_id" uuid NULL,
  "lead_nome" character varying(500) NULL,
  "lead_telefone" character varying(50) NULL,
  "lead_email" character varying(255) NULL,
  "lead_documento" character varying(20) NULL,
  "canal_decidido" character varying(20) NOT NULL,
  "motivo_decisao" text NOT NULL,
  "template_selecionado" character varying(100) NULL,
  "disparo_seria_executado" boolean NULL DEFAULT true,
  "razao_bloqueio" text NULL,
  "ambiente" character varying(10) NULL DEFAULT 'dev',
  "feature_flag_enabled" boolean NULL DEFAULT false,
  "created_at" timestamp NULL DEFAULT now(),
  PRIMARY KEY ("log_id")
);
-- Busca por tenant, do mais novo ao mais antigo.
CREATE INDEX "idx_dry_run_tenant" ON "public"."dry_run_log" ("tenant_id", "created_at" DESC);
CREATE INDEX "idx_dry_run_canal" ON "public"."dry_run_log" ("canal_decidido");
CREATE INDEX "idx_dry_run_ambiente" ON "public"."dry_run_log" ("ambiente", "created_at" DESC);
COMMENT ON COLUMN "public"."dry_run_log"."canal_decidido" IS 'whatsapp, email, calendar ou none';
