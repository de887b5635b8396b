-- Trilha de auditoria das simulações (dry run) do micro agente de agendamento:
-- o que ele teria disparado, por qual canal e por quê, sem nada enviar.
CREATE TABLE dry_run_log (
    log_id uuid NOT NULL DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    lead_id uuid,
    lead_nome varchar(500),
    lead_telefone varchar(50),
    lead_email varchar(255),
    lead_documento varchar(20),
    canal_decidido varchar(20) NOT NULL,
    motivo_decisao text NOT NULL,
    template_selecionado varchar(100),
    disparo_seria_executado boolean DEFAULT true,
    razao_bloqueio text,
    ambiente varchar(10) DEFAULT 'dev',
    feature_flag_enabled boolean DEFAULT false,
    created_at timestamp DEFAULT now(),
    PRIMARY KEY (log_id)
);

CREATE INDEX idx_dry_run_tenant ON dry_run_log (tenant_id, created_at DESC);
CREATE INDEX idx_dry_run_canal ON dry_run_log (canal_decidido);
CREATE INDEX idx_dry_run_ambiente ON dry_run_log (ambiente, created_at DESC);

COMMENT ON TABLE dry_run_log IS 'Auditoria das simulações (dry run) do micro agente de agendamento';
COMMENT ON COLUMN dry_run_log.log_id IS 'Identificador do registro';
COMMENT ON COLUMN dry_run_log.tenant_id IS 'Cliente (tenant) dono do lead';
COMMENT ON COLUMN dry_run_log.lead_id IS 'Lead avaliado; nulo quando ainda não foi cadastrado';
COMMENT ON COLUMN dry_run_log.lead_nome IS 'Nome do lead no momento da decisão';
COMMENT ON COLUMN dry_run_log.lead_telefone IS 'Telefone do lead no momento da decisão';
COMMENT ON COLUMN dry_run_log.lead_email IS 'E-mail do lead no momento da decisão';
COMMENT ON COLUMN dry_run_log.lead_documento IS 'Documento do lead (CPF ou CNPJ) no momento da decisão';
COMMENT ON COLUMN dry_run_log.canal_decidido IS 'Canal escolhido pelo agente: whatsapp, email, calendar ou none';
COMMENT ON COLUMN dry_run_log.motivo_decisao IS 'Por que o agente escolheu este canal';
COMMENT ON COLUMN dry_run_log.template_selecionado IS 'Modelo de mensagem que seria usado';
COMMENT ON COLUMN dry_run_log.disparo_seria_executado IS 'Se o disparo teria sido feito fora da simulação';
COMMENT ON COLUMN dry_run_log.razao_bloqueio IS 'O que impediria o disparo, quando houver';
COMMENT ON COLUMN dry_run_log.ambiente IS 'Ambiente em que a simulação rodou (dev, hml, prod)';
COMMENT ON COLUMN dry_run_log.feature_flag_enabled IS 'Se a feature flag do agente estava ligada';
COMMENT ON COLUMN dry_run_log.created_at IS 'Quando a simulação foi registrada';
