schema "public" {
}

table "dry_run_log" {
  schema  = schema.public
  comment = "Auditoria das simulações (dry run) do micro agente de agendamento"

  column "log_id" {
    type    = uuid
    null    = false
    default = sql("gen_random_uuid()")
    comment = "Identificador do registro"
  }
  column "tenant_id" {
    type    = uuid
    null    = false
    comment = "Cliente (tenant) dono do lead"
  }
  column "lead_id" {
    type    = uuid
    null    = true
    comment = "Lead avaliado; nulo quando ainda não foi cadastrado"
  }
  column "lead_nome" {
    type    = varchar(500)
    null    = true
    comment = "Nome do lead no momento da decisão"
  }
  column "lead_telefone" {
    type    = varchar(50)
    null    = true
    comment = "Telefone do lead no momento da decisão"
  }
  column "lead_email" {
    type    = varchar(255)
    null    = true
    comment = "E-mail do lead no momento da decisão"
  }
  column "lead_documento" {
    type    = varchar(20)
    null    = true
    comment = "Documento do lead (CPF ou CNPJ) no momento da decisão"
  }
  column "canal_decidido" {
    type    = varchar(20)
    null    = false
    comment = "Canal escolhido pelo agente: whatsapp, email, calendar ou none"
  }
  column "motivo_decisao" {
    type    = text
    null    = false
    comment = "Por que o agente escolheu este canal"
  }
  column "template_selecionado" {
    type    = varchar(100)
    null    = true
    comment = "Modelo de mensagem que seria usado"
  }
  column "disparo_seria_executado" {
    type    = boolean
    null    = true
    default = true
    comment = "Se o disparo teria sido feito fora da simulação"
  }
  column "razao_bloqueio" {
    type    = text
    null    = true
    comment = "O que impediria o disparo, quando houver"
  }
  column "ambiente" {
    type    = varchar(10)
    null    = true
    default = "dev"
    comment = "Ambiente em que a simulação rodou (dev, hml, prod)"
  }
  column "feature_flag_enabled" {
    type    = boolean
    null    = true
    default = false
    comment = "Se a feature flag do agente estava ligada"
  }
  column "created_at" {
    type    = timestamp
    null    = true
    default = sql("now()")
    comment = "Quando a simulação foi registrada"
  }

  primary_key {
    columns = [column.log_id]
  }

  index "idx_dry_run_tenant" {
    on {
      column = column.tenant_id
    }
    on {
      column = column.created_at
      desc   = true
    }
  }
  index "idx_dry_run_canal" {
    columns = [column.canal_decidido]
  }
  index "idx_dry_run_ambiente" {
    on {
      column = column.ambiente
    }
    on {
      column = column.created_at
      desc   = true
    }
  }
}
